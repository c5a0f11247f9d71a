import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/folder.ts'
import { writeModel } from '../../support/onnx-builder.ts'
import { program } from '../../support/program.ts'
import { heavy } from '../../support/small-models.ts'

const folder = temporaryFolder()
const script = program(new URL('./programs/holds.ts', import.meta.url))
const budget = 120e6
// 6 to 32 MB: several fit, and not all.
const models = [1_250, 1_500, 1_750, 2_000, 2_300, 2_550, 2_800].map((side, index) => ({
  ...writeModel(folder, `model-${side}`, heavy({ side, seed: index })),
  input: 'x',
  shape: [1, side],
}))

interface Held {
  /** Bytes beyond what was resident before the loads. */
  readonly held: number
  /** Bytes that went when all models were evicted. */
  readonly freed: number
  readonly usedBytes: number
  readonly evictions: number
}

/** What a fresh process holds after 60 loads within the budget, beyond what it held before them. */
async function hold(kind: string): Promise<Held> {
  const told = JSON.stringify({ kind, budget, loads: 60, models })
  const { MALLOC_TRIM_THRESHOLD_: _, ...environment } = process.env
  const env = { ...environment, XDG_CACHE_HOME: join(folder, 'cache') }
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, told], {
    env,
  })
  return JSON.parse(stdout) as Held
}

describe.runIf(process.platform === 'linux')('a budget of memory', () => {
  for (const kind of ['thread', 'process']) {
    test(`is what executors really hold after 60 loads, within a tenth: ${kind}`, async () => {
      const { held, freed, usedBytes, evictions } = await hold(kind)
      expect(evictions).toBeGreaterThan(20)
      expect(held).toBeLessThan(1.1 * budget)
      // What is booked is there, no more and no less.
      expect(freed).toBeGreaterThan(usedBytes - 0.1 * budget)
      expect(freed).toBeLessThan(usedBytes + 0.1 * budget)
    }, 600_000)
  }
})
