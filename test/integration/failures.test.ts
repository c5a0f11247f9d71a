import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type NatsTransport } from '../../adapters/nats/index.ts'
import {
  amend,
  BadInput,
  BadMessage,
  type Capture,
  capture,
  catalogue,
  DeadlineExceeded,
  decide,
  execute,
  type Failure,
  fixed,
  NoResponders,
  type Pipeline,
  picture,
  pipeline,
  preprocess,
  type QuintetError,
  type Ready,
  type RunningDevice,
  TooLarge,
  transfer,
  UnknownModel,
  WrongShape,
} from '../../adapters/node/index.ts'
import { drawPicture, zooFolder } from '../../examples/zoo/index.ts'
import { testServer } from '../support/nats.ts'
import { killProcess, startProcess } from '../support/process.ts'
import { placed } from './placements.ts'

const model = 'nano'

/** What a run settles, message by message, in the order of their numbers. */
async function outcomes(running: RunningDevice) {
  const failures: Failure[] = []
  running.events.stream.subscribe((event) => {
    if (event.type === 'settled' && event.item.kind === 'failure') failures.push(event.item)
  })
  const answers = []
  for await (const answer of running) answers.push(answer)
  return { answers, failures, counts: await running.done }
}

/** The device's plan says so, whatever the deciders say. */
const plan = (change: object) => amend('plan', (message) => ({ ...message, plan: { ...message.plan, ...change } }))

describe('ten messages fail ten ways, and the eleventh is answered', () => {
  let good: Uint8Array
  let server: Awaited<ReturnType<typeof testServer>>
  let transport: NatsTransport

  beforeAll(async () => {
    good = (await drawPicture({ seed: 1, label: 'mug', width: 640, height: 480 })).jpeg
    server = await testServer()
    transport = await connect({ servers: server.url })
  })
  afterAll(async () => {
    await transport.drain()
    await server.stop()
  })

  const inCloud = { cut: 'captured', encoding: 'original', model } as const

  /** The bad ones, then a good one, through a whole pipeline. */
  const through = (bad: readonly Capture[], flow = (frames: readonly Capture[]) => placed(frames, inCloud)) =>
    outcomes(flow([...bad, { payload: picture(good) }]).run())

  function expectOneFailure(
    { answers, failures, counts }: Awaited<ReturnType<typeof outcomes>>,
    type: new (...args: never[]) => QuintetError,
    says: RegExp,
  ): void {
    expect(failures.map(({ error }) => error)).toEqual([expect.any(type)])
    expect(failures[0]?.error.message).toMatch(says)
    expect(answers).toHaveLength(1)
    expect(counts).toEqual({ in: 2, results: 1, failures: 1, dropped: 0 })
  }

  test('1: what is not an image', async () => {
    const result = await through([{ payload: picture(new TextEncoder().encode('no picture at all')) }])
    expectOneFailure(result, BadInput, /not a picture.*Send one of/)
  })

  test('2: a truncated image', async () => {
    const result = await through([{ payload: picture(good.subarray(0, good.length / 2)) }])
    expectOneFailure(result, BadInput, /cannot be decoded.*send it again whole/)
  })

  test('3: a decompression bomb', async () => {
    const bomb = await sharp({ create: { width: 16_000, height: 16_000, channels: 3, background: 'black' } })
      .png({ compressionLevel: 9 })
      .toBuffer()
    const result = await through([{ payload: picture(bomb) }])
    expectOneFailure(result, TooLarge, /16000 × 16000.*Send a smaller one/)
  })

  test('4: a model that nobody has', async () => {
    const flow = (frames: readonly Capture[]) =>
      pipeline(
        'unknown',
        { models: catalogue(zooFolder) },
        capture(frames),
        amend('plan', (message) => ({ ...message, plan: { model: message.seq === 0 ? 'nobody' : model } })),
        preprocess(),
        transfer(),
        preprocess(),
        execute(),
      )
    expectOneFailure(await through([{ payload: picture(good) }], flow), UnknownModel, /"nobody".*Use one of: nano/)
  })

  test('5: a tensor of the wrong shape', async () => {
    const wrong: Ready = {
      form: 'tensors',
      at: 'prepared',
      tensors: [{ name: 'picture', type: 'float32', shape: [1, 3, 5, 5], bytes: new Uint8Array(300) }],
    }
    const flow = (frames: readonly Capture[]) =>
      pipeline(
        'wrong-shape',
        { models: catalogue(zooFolder) },
        capture(frames),
        decide(fixed({ cut: 'prepared', encoding: 'tensor', model })),
        preprocess(),
        amend('spoil', (message) => (message.seq === 0 ? { ...message, payload: wrong } : message)),
        transfer(),
        preprocess(),
        execute(),
      )
    expectOneFailure(await through([{ payload: picture(good) }], flow), WrongShape, /5/)
  })

  test('6: a message larger than the node takes', async () => {
    const huge = new Uint8Array(65 * 2 ** 20)
    const cloud = await placed([], { ...inCloud }).cloud(transport)
    const flow = placed([{ payload: picture(huge) }, { payload: picture(good) }], inCloud)
    try {
      const result = await outcomes(await flow.device(transport))
      expectOneFailure(result, TooLarge, /68157440 bytes.*Prepare it on the device/)
    } finally {
      await cloud.drain()
    }
  })

  test('7: no cloud that listens', async () => {
    const { failures, counts } = await outcomes(await placed([{ payload: picture(good) }], inCloud).device(transport))
    expect(failures.map(({ error }) => error)).toEqual([expect.any(NoResponders)])
    expect(failures[0]?.error.message).toMatch(/Start a cloud half/)
    expect(counts).toEqual({ in: 1, results: 0, failures: 1, dropped: 0 })
  })

  test('8: a cloud that dies in the middle', async () => {
    const slow = pipelineWithSlowCloud([{ payload: picture(good) }])
    const worker = await startProcess(new URL('./slow-half.ts', import.meta.url), [server.url, '60000'])
    const device = await slow.device(transport)
    const held = new Promise((resolve) =>
      device.events.stream.subscribe(({ type }) => type === 'captured' && setTimeout(resolve, 200)),
    )
    const result = outcomes(device)
    await held
    await killProcess(worker)
    const { failures, counts } = await result
    // The next attempt, after the beats were missed, finds nobody there.
    expect(failures[0]?.error.code).toMatch(/node-lost|no-responders/)
    expect(failures[0]?.attempt).toBeGreaterThan(1)
    expect(counts).toEqual({ in: 1, results: 0, failures: 1, dropped: 0 })
  })

  test('9: a deadline that passes', async () => {
    const worker = await startProcess(new URL('./slow-half.ts', import.meta.url), [server.url, '60000'])
    try {
      const result = await outcomes(await pipelineWithSlowCloud([{ payload: picture(good) }], 700).device(transport))
      expect(result.failures.map(({ error }) => error)).toEqual([expect.any(DeadlineExceeded)])
      expect(result.failures[0]?.error.message).toMatch(/Allow more time/)
    } finally {
      await killProcess(worker)
    }
  })

  test('10: garbage on the subject, and 11: the next message is answered', async () => {
    const cloud = await placed([], inCloud).cloud(transport)
    try {
      const replies: string[] = []
      for (const garbage of [
        new Uint8Array(0),
        new TextEncoder().encode('garbage'),
        new Uint8Array([0x51, 1, 0, 0, 9, 0, 0, 0]),
      ]) {
        await new Promise<void>((resolve, reject) => {
          transport.request('in.main.placed.rogue.main', [garbage], {
            onReply: ({ data }) => {
              replies.push(new TextDecoder().decode(data[0]))
              resolve()
            },
            onError: reject,
          })
        })
      }
      expect(replies).toHaveLength(3)
      for (const reply of replies) expect(reply).toContain(new BadMessage('').code)
      const { answers } = await outcomes(await placed([{ payload: picture(good) }], inCloud).device(transport))
      expect(answers).toHaveLength(1)
    } finally {
      await cloud.drain()
    }
  })

  function pipelineWithSlowCloud(frames: readonly Capture[], deadline = 20_000): Pipeline {
    return pipeline(
      'slow',
      { models: catalogue(zooFolder), deadline },
      capture(frames),
      plan({ cut: 'captured' }),
      transfer(),
      preprocess(),
      execute(),
    )
  }

  test('a worker killed in mid-run is noticed by missed beats, and the message is answered by the other', async () => {
    const slow = new URL('./slow-half.ts', import.meta.url)
    // Both serve; the first message goes to one of them, and that one is killed while it works on it.
    const workers = await Promise.all(
      ['a', 'b'].map(async (name) => ({ name, child: await startProcess(slow, [server.url, '900', name]) })),
    )
    const device = await pipelineWithSlowCloud([{ payload: picture(good) }, { payload: picture(good) }]).device(
      transport,
    )
    const noticed: string[] = []
    device.events.stream.subscribe((event) => event.type === 'attempt-failed' && noticed.push(event.error.code))
    const first = await new Promise<string>((resolve) => {
      const watch = transport.subscribe('mon.slow.>', ({ subject }) => resolve(subject.split('.')[2] as string))
      void watch
    })
    const result = outcomes(device)
    await killProcess(workers.find(({ name }) => name === first)?.child as never)
    const { answers, counts } = await result
    expect(counts).toMatchObject({ in: 2, results: 2, failures: 0 })
    expect(answers.every((answer) => answer.node !== first)).toBe(true)
    expect(noticed).toContain('node-lost')
    await Promise.all(workers.map(({ child }) => killProcess(child)))
  })
})
