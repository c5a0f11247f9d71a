import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { connect, type NatsServerOptions } from '../../adapters/nats/index.ts'
import { nodePlatform } from '../../adapters/platform/index.ts'
import { hop, type ImagePayload, type Message, pipeline } from '../../pipeline/index.ts'
import { answering, collect, frames } from '../../pipeline/testing/index.ts'
import { transfer } from '../../stages/index.ts'
import { testServer } from '../support/nats.ts'

const owned: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of owned.splice(0).reverse()) await end()
})

async function serverOf(options: NatsServerOptions) {
  const server = await testServer(options)
  owned.push(server.stop)
  return server
}

async function open(url: string) {
  const transport = await connect({ servers: url, reconnectWait: 20 })
  owned.push(() => transport.drain(500))
  return transport
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16)
const picture = (bytes: number) =>
  new Uint8Array(
    Uint32Array.from({ length: Math.ceil(bytes / 4) }, (_, at) => Math.imul(at, 0x9e3779b1)).buffer,
    0,
    bytes,
  )
const captures = (sizes: readonly number[]) =>
  sizes.map((size) => ({ payload: { form: 'image', at: 'captured', bytes: picture(size) } as const }))

/** Answers say which bytes arrived, and every second one is longer than most servers take at once here. */
const flow = (sizes: readonly number[]) =>
  pipeline(
    'limits',
    { deadline: 20_000, platform: nodePlatform },
    frames(captures(sizes)),
    hop('edge'),
    transfer({ probe: false }),
    answering(({ seq, payload }: Message) => ({
      label: digest((payload as ImagePayload).bytes),
      boxes: Array.from({ length: seq % 2 === 1 ? 1000 : 1 }, (_, x) => ({
        x,
        y: 0,
        width: 1,
        height: 1,
        label: `a thing of number ${x}, with a long name that says what it is and where it was seen`,
        score: 0.5,
      })),
    })),
  )

describe('a server that takes so many bytes at once', () => {
  test.each([8, 64, 96, 128])('%s KiB: pictures and answers of any size cross both boundaries', async (limit) => {
    const maxPayload = limit * 1024
    const { url } = await serverOf({ maxPayload })
    const sizes = [1, 1000, maxPayload - 900, maxPayload - 400, maxPayload, maxPayload + 1, 300_000, 1_000_000]
    const composed = flow(sizes)
    for (const only of ['edge', 'cloud']) {
      const half = await composed.cloud(await open(url), { only })
      owned.push(() => half.drain(500))
    }
    const device = await composed.device(await open(url), { only: 'capture' })
    const { answers, failures, counts } = await collect(device)
    expect(failures.map(({ error }) => error.message)).toEqual([])
    expect(counts).toEqual({ in: sizes.length, results: sizes.length, failures: 0, dropped: 0 })
    expect(answers.map(({ label }) => label)).toEqual(sizes.map((size) => digest(picture(size))))
    expect(answers.map(({ boxes }) => boxes?.length)).toEqual(sizes.map((_, n) => (n % 2 === 1 ? 1000 : 1)))
  })

  test('and after a reconnection fewer: what comes then goes in chunks of that server', async () => {
    const large = await testServer({ maxPayload: 1024 * 1024 })
    const composed = flow([200_000])
    const [below, above] = [await open(large.url), await open(large.url)]
    const half = await composed.cloud(below, { only: 'cloud' })
    const edge = await composed.cloud(below, { only: 'edge' })
    owned.push(
      () => half.drain(500),
      () => edge.drain(500),
    )
    const before = await collect(await composed.device(above, { only: 'capture' }))
    expect(before.counts).toMatchObject({ results: 1 })
    await large.kill()
    await serverOf({ maxPayload: 16 * 1024, port: large.port })
    await expect.poll(() => below.connected && above.connected && above.maxPayload, { timeout: 20_000 }).toBe(16 * 1024)
    const after = await collect(await flow([200_000, 3]).device(above, { only: 'capture' }))
    expect(after.failures.map(({ error }) => error.message)).toEqual([])
    expect(after.answers.map(({ label }) => label)).toEqual([digest(picture(200_000)), digest(picture(3))])
  })
})
