import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../adapters/nats/index.ts'
import { type Answer, type Cut, catalogue, type RunningDevice } from '../../adapters/node/index.ts'
import { cuts, readModel } from '../../adapters/onnx/graph/index.ts'
import { drawPicture, zooFolder } from '../../examples/zoo/index.ts'
import { testServer } from '../support/nats.ts'
import { killProcess, startProcess } from '../support/process.ts'
import { halfFile, placed } from './placements.ts'

const model = 'small'

async function all(running: RunningDevice): Promise<Answer[]> {
  const answers: Answer[] = []
  const failures: string[] = []
  running.events.stream.subscribe((event) => {
    if (event.type === 'settled' && event.item.kind === 'failure') failures.push(event.item.error.message)
  })
  for await (const answer of running) answers.push(answer)
  expect(failures).toEqual([])
  return answers
}

describe('a model split between device and cloud answers as the whole one', () => {
  let pictures: Uint8Array[]
  let whole: Answer[]
  let offered: Awaited<ReturnType<typeof offeredCuts>>
  let server: Awaited<ReturnType<typeof testServer>>
  let cache: string

  async function offeredCuts() {
    return cuts(await readModel(join(zooFolder, catalogue(zooFolder).entry(model).file)))
  }

  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), 'quintet-splits-'))
    process.env.XDG_CACHE_HOME = cache
    pictures = await Promise.all(
      [0, 1, 2].map(async (seed) => (await drawPicture({ seed, label: 'star', width: 320, height: 240 })).jpeg),
    )
    ;[offered, server] = await Promise.all([offeredCuts(), testServer()])
    whole = await all(placed(pictures, { cut: 'answered', encoding: 'none', model }).run())
  })
  afterAll(async () => {
    await server.stop()
    await rm(cache, { recursive: true, force: true })
  })

  function expectSame(answers: readonly Answer[], digits: number): void {
    expect(answers.map(({ label }) => label)).toEqual(whole.map(({ label }) => label))
    for (const [index, { score }] of answers.entries()) expect(score).toBeCloseTo(whole[index]?.score as number, digits)
  }

  test('at the first, a middle and the last cut, in one process', async () => {
    for (const cut of [offered[0], offered[offered.length >> 1], offered.at(-1)]) {
      const at = `after:${cut?.name}` as Cut
      const answers = await all(placed(pictures, { cut: at, encoding: 'float32', model }).run())
      expectSame(answers, 6)
      for (const answer of answers) {
        expect(answer).toMatchObject({ place: at, encoding: 'float32', bytes: cut?.bytes })
        expect(answer.timings.device).toBeGreaterThan(0)
        expect(answer.timings.head).toBeGreaterThan(0)
        expect(answer.timings.head).toBeLessThan(answer.timings.execute as number)
      }
    }
  })

  test.each([
    { encoding: 'float16', digits: 2, smaller: 0.55 },
    { encoding: 'uint8-per-channel+deflate', digits: 1, smaller: 0.3 },
  ])('over NATS, its activations written as $encoding', async ({ encoding, digits, smaller }) => {
    const cut = offered[offered.length >> 1]
    const options = { cut: `after:${cut?.name}` as Cut, encoding, model }
    const worker = await startProcess(halfFile, [server.url, JSON.stringify(options)])
    const transport = await connect({ servers: server.url })
    try {
      const answers = await all(await placed(pictures, options).device(transport))
      expectSame(answers, digits)
      for (const { bytes } of answers) expect(bytes).toBeLessThan(smaller * (cut?.bytes as number))
    } finally {
      await transport.drain()
      await killProcess(worker)
    }
  })

  test('a layer that does not exist fails that message, and says how to find one', async () => {
    const running = placed([pictures[0] as Uint8Array], { cut: 'after:nowhere', encoding: 'float32', model }).run()
    const errors: string[] = []
    running.events.stream.subscribe((event) => {
      if (event.type === 'settled' && event.item.kind === 'failure') errors.push(event.item.error.message)
    })
    expect(await running.done).toEqual({ in: 1, results: 0, failures: 1, dropped: 0 })
    expect(errors[0]).toMatch(/nowhere/)
  })
})
