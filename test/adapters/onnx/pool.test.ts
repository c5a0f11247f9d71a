import { afterEach, describe, expect, test } from 'vitest'
import { processExecutors } from '../../../adapters/onnx/index.ts'
import { ExecutorLost, type Tensor } from '../../../pipeline/index.ts'
import { modelCache } from '../../../stages/execute/cache/index.ts'
import { type ExecutorPool, type ExecutorPoolOptions, executorPool } from '../../../stages/execute/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { writeModel } from '../../support/onnx-builder.ts'
import { classifier, identity, seeded } from '../../support/small-models.ts'

const folder = temporaryFolder()
const models = [1, 2, 3, 4, 5, 6].map((seed) => writeModel(folder, `classifier-${seed}`, classifier({ seed })))
const fixed = writeModel(folder, 'fixed', identity('float32', [1, 4]))

const picture = (seed: number): readonly Tensor[] => [
  {
    name: 'input',
    type: 'float32',
    shape: [1, 3, 32, 32],
    bytes: new Uint8Array(seeded(3 * 32 * 32, seed).buffer),
  },
]
const floats = (outputs: readonly Tensor[]) =>
  outputs.flatMap(({ bytes }) => [...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)])

const open: ExecutorPool[] = []
afterEach(() => Promise.all(open.splice(0).map((each) => each.close())))

function start(options: Partial<ExecutorPoolOptions> = {}): ExecutorPool {
  const pool = executorPool({ factory: processExecutors(), size: 2, ...options })
  open.push(pool)
  return pool
}

describe('a pool of processes', () => {
  test('answers batched as it answers one by one', async () => {
    const [model] = models as [(typeof models)[0]]
    const [single, batched] = [start({ size: 1 }), start({ size: 1, batch: { size: 8 } })]
    const seeds = Array.from({ length: 40 }, (_, seed) => seed)
    const one = await Promise.all(seeds.map((seed) => single.run(model, picture(seed))))
    const many = await Promise.all(seeds.map((seed) => batched.run(model, picture(seed))))
    expect(Math.max(...many.map(({ batch }) => batch))).toBeGreaterThan(1)
    for (const seed of seeds) {
      const [alone, together] = [one[seed], many[seed]].map((report) => floats(report?.outputs ?? []))
      expect(together?.length).toBe(5)
      together?.forEach((value, at) => {
        expect(value).toBeCloseTo(alone?.[at] as number, 4)
      })
    }
  })

  test('a thousand runs of a cold model load it once', async () => {
    const [model] = models as [(typeof models)[0]]
    const pool = start({
      queue: 1_000,
      batch: {},
      // A model that is as busy as this one gets a second copy, sooner or later: not here.
      cache: (host, clock) => modelCache({ host, clock, budget: 1e9, busy: 1e6 }),
    })
    const reports = await Promise.all(Array.from({ length: 1_000 }, (_, seed) => pool.run(model, picture(seed % 8))))
    expect(pool.statistics()).toMatchObject({ loads: 1, runs: 1_000, cold: { runs: 1_000, coalescing: 1_000 } })
    expect(pool.cache?.statistics()).toMatchObject({ loads: 1, evictions: 0 })
    expect(new Set(reports.map(({ executor }) => executor)).size).toBe(1)
  })

  test('finds out by itself which models can be batched', async () => {
    const pool = start({ size: 1, batch: { size: 8 } })
    const input = (value: number): readonly Tensor[] => [
      { name: 'x', type: 'float32', shape: [1, 4], bytes: new Uint8Array(new Float32Array(4).fill(value).buffer) },
    ]
    const reports = await Promise.all(Array.from({ length: 20 }, (_, value) => pool.run(fixed, input(value))))
    expect(reports.map(({ outputs }) => floats(outputs)[0])).toEqual(reports.map((_, value) => value))
    expect(new Set(reports.map(({ batch }) => batch))).toEqual(new Set([1]))
  })

  test('with little memory, batches and executors killed with -9: every run is answered, and the counts add up', async () => {
    // Room for two of six, by what they turn out to need.
    const budget = 2.5 * 2 ** 20
    const pool = start({
      batch: { size: 4 },
      queue: 400,
      restart: { restarts: 20, first: 10 },
      cache: (host, clock) => modelCache({ host, clock, budget, guard: 0, bytesPerFileByte: 4 }),
    })
    // A third that dies while it loads the same model would rightly be blamed on that.
    const most = 2
    let kills = 0
    // One whose end was not noticed yet is still listed.
    const killed = new Set<string>()
    const murder = setInterval(() => {
      const victim = pool.statistics().executors.find(({ id }) => id !== undefined && !killed.has(id))?.id
      if (kills >= most || victim === undefined) return
      kills += 1
      killed.add(victim)
      process.kill(Number(victim.replace('process-', '')), 'SIGKILL')
    }, 150)
    let asked = 0
    const outcomes = { answered: 0, lost: 0 }
    try {
      for (let round = 0; round < 12 || kills < most; round++) {
        const runs = Array.from({ length: 24 }, (_, index) => {
          asked += 1
          const model = models[(index + round) % models.length] as (typeof models)[0]
          return pool.run(model, picture(index)).then(
            ({ outputs }) => {
              expect(floats(outputs).every(Number.isFinite)).toBe(true)
              outcomes.answered += 1
            },
            (error) => {
              // Twice under an executor that was killed: the one failure there may be.
              expect(error).toBeInstanceOf(ExecutorLost)
              outcomes.lost += 1
            },
          )
        })
        await Promise.all(runs)
      }
    } finally {
      clearInterval(murder)
    }
    expect(outcomes.answered + outcomes.lost).toBe(asked)
    expect(outcomes.lost).toBeLessThanOrEqual(kills)
    expect(pool.statistics()).toMatchObject({ queued: 0, restarts: kills })
  })
})
