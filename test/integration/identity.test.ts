import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../adapters/nats/index.ts'
import type { Answer, RunningDevice } from '../../adapters/node/index.ts'
import { drawPicture } from '../../examples/zoo/index.ts'
import { testServer } from '../support/nats.ts'
import { killProcess, startProcess } from '../support/process.ts'
import { halfFile, placed, placements } from './placements.ts'
import { plainLoop } from './plain-loop.ts'

const model = 'nano'

async function drawn(): Promise<Uint8Array[]> {
  const sizes = [
    [640, 480],
    [500, 800],
    [1600, 1200],
    [97, 131],
  ] as const
  return Promise.all(
    sizes.map(async ([width, height], seed) => (await drawPicture({ seed, label: 'mug', width, height })).jpeg),
  )
}

const essence = ({ label, score }: Pick<Answer, 'label' | 'score'>) => ({ label, score })

async function answers(running: RunningDevice): Promise<Answer[]> {
  const all: Answer[] = []
  for await (const answer of running) all.push(answer)
  expect(await running.done).toEqual({ in: 4, results: 4, failures: 0, dropped: 0 })
  return all.sort((a, b) => a.seq - b.seq)
}

describe('the same pictures get the same answers, however the pipeline runs', () => {
  let pictures: Uint8Array[]
  let server: Awaited<ReturnType<typeof testServer>>

  beforeAll(async () => {
    ;[pictures, server] = await Promise.all([drawn(), testServer()])
  })
  afterAll(() => server.stop())

  test.each(placements)('wire at $cut, as $encoding', async (placement) => {
    const options = { ...placement, model }
    const worker = await startProcess(halfFile, [server.url, JSON.stringify(options)])
    const transport = await connect({ servers: server.url })
    try {
      const plain = await plainLoop(pictures, model, placement.encoding)
      const whole = await answers(placed(pictures, options).run())
      const halves = await answers(await placed(pictures, options).device(transport))
      expect(whole.map(essence)).toEqual(plain)
      expect(halves.map(essence)).toEqual(plain)
      for (const answer of [...whole, ...halves]) {
        expect(answer).toMatchObject({
          ...(placement.cut === 'answered'
            ? { place: 'answered', bytes: 0 }
            : { place: placement.cut, encoding: placement.encoding }),
          model,
        })
      }
    } finally {
      await transport.drain()
      await killProcess(worker)
    }
  })

  test('three processes: a hop between the cloud’s preprocess and execute', async () => {
    const options = { cut: 'captured', encoding: 'original', model, hop: true } as const
    const workers = await Promise.all(
      ['cloud', 'run'].map((only) => startProcess(halfFile, [server.url, JSON.stringify(options), only])),
    )
    const transport = await connect({ servers: server.url })
    try {
      const thirds = await answers(await placed(pictures, options).device(transport))
      expect(thirds.map(essence)).toEqual(await plainLoop(pictures, model, 'original'))
    } finally {
      await transport.drain()
      await Promise.all(workers.map(killProcess))
    }
  })
})
