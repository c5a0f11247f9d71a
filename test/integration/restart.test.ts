import { expect, test } from 'vitest'
import { connect } from '../../adapters/nats/index.ts'
import type { Capture } from '../../adapters/node/index.ts'
import { picture } from '../../adapters/node/index.ts'
import { drawPicture } from '../../examples/zoo/index.ts'
import { testServer } from '../support/nats.ts'
import { placed } from './placements.ts'

test('a server that is killed and comes back two seconds later costs no message its answer', async () => {
  const { jpeg } = await drawPicture({ seed: 5, label: 'leaf', width: 320, height: 240 })
  const options = { cut: 'captured', encoding: 'original', model: 'nano' } as const
  let server = await testServer()
  const { port, url } = server
  const [above, below] = await Promise.all([connect({ servers: url }), connect({ servers: url })])
  const cloud = await placed([], options).cloud(below, { executors: 1 })

  const count = 40
  async function* frames(): AsyncGenerator<Capture> {
    for (let index = 0; index < count; index++) {
      if (index === 10) {
        await server.kill()
        setTimeout(async () => {
          server = await testServer({ port })
        }, 2000)
      }
      yield { payload: picture(jpeg) }
    }
  }

  const device = await placed(frames(), options).device(above)
  const errors: string[] = []
  device.events.stream.subscribe((event) => {
    if (event.type === 'settled' && event.item.kind === 'failure') errors.push(event.item.error.message)
  })
  const counts = await device.done
  expect(errors).toEqual([])
  expect(counts).toEqual({ in: count, results: count, failures: 0, dropped: 0 })
  await cloud.drain()
  await Promise.all([above.drain(), below.drain()])
  await server.stop()
})
