import { describe, expect, test } from 'vitest'
import { memoryTransport } from '../../../adapters/memory/index.ts'
import { capture, decide, pipeline, preprocess, transfer } from '../../../adapters/node/index.ts'
import {
  type Answer,
  type Decider,
  inCloud,
  type Outcome,
  type Ready,
  type Result,
  type Side,
  sleep,
  stage,
} from '../../../pipeline/index.ts'
import { type Fault, faulty } from '../../../pipeline/testing/index.ts'
import { select } from '../../../stages/index.ts'
import { manualClock } from '../../support/manual-clock.ts'
import { engine, modelSet } from './support.ts'

const fast: readonly Fault[] = [{ at: ['request', 'publish'], bytesPerSecond: 50_000_000 }]
/** 333 ms for a picture. */
const slow: readonly Fault[] = [{ at: ['request', 'publish'], bytesPerSecond: 1_200_000 }]
const takes = { small: 5, large: 100 }

describe('select below the wire of a running pipeline', () => {
  test.each([
    { late: 'answer', chunkAbove: 1e6 },
    { late: 'fail', chunkAbove: 1e6 },
    { late: 'fail', chunkAbove: 1e5 },
  ] as const)('chooses by what the way up has left of the deadline: %o', async ({ late, chunkAbove }) => {
    const clock = manualClock()
    const transport = faulty(memoryTransport(), fast, { clock })
    const heard: Outcome[] = []
    const listening: Decider = {
      name: 'listening',
      decide: (_request, _world, menu) => menu,
      observe: (outcome) => heard.push(outcome),
    }
    const links = [fast, slow, fast]
    function* frames() {
      for (const link of links) {
        transport.use(link)
        for (let i = 0; i < 40; i++) yield new Uint8Array(400_000)
      }
    }
    const models = modelSet([
      { id: 'small', accuracy: 0.5, latencyMs: takes.small },
      { id: 'large', accuracy: 0.9, latencyMs: takes.large },
    ])
    const running = pipeline(
      'live',
      { models, window: 1, clock, deadline: 400, late, embedded: () => transport },
      capture(frames()),
      decide(inCloud()),
      transfer({ chunkAbove }),
      decide(select(), listening),
      preprocess({ images: engine(clock, 4) }),
      stage<Ready, Result, Side>(
        'answering',
        async (message) => {
          const model = message.plan.model as keyof typeof takes
          await sleep(clock, takes[model])
          return { form: 'result', at: 'answered', model, label: 'yes', score: 1, top: [] }
        },
        { step: 'execute' },
      ),
    ).run()
    const answers: Answer[] = []
    const reading = (async () => {
      for await (const answer of running) answers.push(answer)
    })()
    let open = true
    void reading.finally(() => {
      open = false
    })
    while (open) await clock.advance(5)
    await reading
    // The sender believes the best of its last ten rates: it takes as many to believe that the link is slow.
    const settled = (n: number) => answers.filter(({ seq }) => seq >= n * 40 + 12 && seq < n * 40 + 40)
    const phase = (n: number) => settled(n).map((answer) => answer.model)
    expect(new Set(phase(0))).toEqual(new Set(['large']))
    expect(new Set(phase(1))).toEqual(new Set(['small']))
    expect(new Set(phase(2))).toEqual(new Set(['large']))
    expect(settled(1).map((answer) => answer.onTime)).toEqual(Array(28).fill(true))
    expect(heard).toHaveLength(120)
    expect(heard[20]).toMatchObject({ side: 'cloud', kind: 'message', plan: { model: 'large' }, bytes: 400_000 })
    expect(heard[70]?.way?.up).toBeGreaterThan(300)
    expect(heard[110]?.way?.up).toBeLessThan(30)
  })
})
