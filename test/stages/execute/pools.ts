import { afterEach } from 'vitest'
import type { Tensor } from '../../../pipeline/index.ts'
import {
  type ExecutorPoolOptions,
  executorPool,
  type ModelSource,
  type PoolEvent,
} from '../../../stages/execute/index.ts'
import { type FakeExecutorsOptions, fakeExecutors } from '../../../stages/execute/testing.ts'
import { manualClock, settled } from '../../support/manual-clock.ts'

export const model = (name: string): ModelSource => ({
  key: `key-${name}`,
  name,
  path: `${name}.onnx`,
  sha256: '',
  bytes: 10,
})

export const input = (value: number): readonly Tensor[] => [
  { name: 'input', type: 'uint8', shape: [1], bytes: Uint8Array.of(value) },
]

/** A promise that is looked at later: its rejection until then is nobody's fault. */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A pool of fakes on a clock of its own, ready to work; closed after the test. */
export async function poolOfFakes(
  fakes: Partial<FakeExecutorsOptions> = {},
  options: Partial<ExecutorPoolOptions> = {},
) {
  const clock = manualClock()
  const factory = fakeExecutors({ clock, ...fakes })
  const events: PoolEvent[] = []
  const pool = executorPool({ factory, size: 1, clock, events: (event) => events.push(event), ...options })
  open.push(async () => {
    const closed = pool.close()
    await clock.advance(10_000)
    await closed
  })
  await settled()
  /** What a promise came to by now: its value, its error, or 'pending'. */
  const state = async (promise: Promise<unknown>) => {
    let outcome: unknown = 'pending'
    promise.then(
      (value) => {
        outcome = value
      },
      (error) => {
        outcome = error
      },
    )
    await settled()
    return outcome
  }
  /** Runs a model so often, one after the other, that its figures are believed. */
  const learn = async (name: string, ms: number, times = 10) => {
    for (let run = 0; run < times; run++) {
      const done = pool.run(model(name), input(0))
      await clock.advance(ms)
      await done
    }
  }
  return { clock, factory, events, pool, state, learn }
}
