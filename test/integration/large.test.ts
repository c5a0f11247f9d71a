import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../adapters/nats/index.ts'
import { drawPicture } from '../../examples/zoo/index.ts'
import { testServer } from '../support/nats.ts'
import { killProcess, startProcess } from '../support/process.ts'
import { halfFile, placed } from './placements.ts'
import { plainLoop } from './plain-loop.ts'

describe('pictures above the server’s largest message', () => {
  let server: Awaited<ReturnType<typeof testServer>>
  beforeAll(async () => {
    server = await testServer()
  })
  afterAll(() => server.stop())

  test('a 5 MB picture reaches one of several workers whole, over a server that takes 1 MB', async () => {
    const options = { cut: 'captured', encoding: 'original', model: 'nano' } as const
    const { jpeg } = await drawPicture({ seed: 3, label: 'key', width: 3000, height: 2000, quality: 95 })
    // Bytes behind a JPEG's end are not looked at by decoders, but must arrive all the same.
    const picture = new Uint8Array(5 * 2 ** 20)
    picture.set(jpeg)
    const workers = await Promise.all(
      [1, 2, 3].map(() => startProcess(halfFile, [server.url, JSON.stringify(options)])),
    )
    const transport = await connect({ servers: server.url })
    try {
      expect(transport.maxPayload).toBeLessThan(picture.byteLength)
      const device = await placed(Array(6).fill(picture), options).device(transport)
      const answers = []
      for await (const answer of device.answers) answers.push(answer)
      const [expected] = await plainLoop([picture], 'nano', 'original')
      expect(answers.map(({ label, score }) => ({ label, score }))).toEqual(Array(6).fill(expected))
      for (const { bytes } of answers) expect(bytes).toBeGreaterThanOrEqual(picture.byteLength)
    } finally {
      await transport.drain()
      await Promise.all(workers.map(killProcess))
    }
  })
})
