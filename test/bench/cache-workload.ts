import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../../pipeline/testing/index.ts'

/** A model of a replay. */
export interface ReplayModel {
  readonly name: string
  readonly bytes: number
  readonly loadMs: number
  readonly runMs: number
}

/** Requests in order of time: which model, and when (ms from the start of the day). */
export interface Requests {
  readonly at: Float64Array
  readonly model: Uint16Array
}

interface M5 {
  readonly models: readonly {
    readonly name: string
    readonly avg_load_latency: number
    readonly avg_exec_latency: number
    readonly keras_file_mb_recalled: number
  }[]
}

const minute = 60_000

/**
 * The 26 networks that CremeBrulee measured on an m5.large (load and run time), with the sizes of their files; beyond
 * 26 they repeat, each time and size scaled by its own factor between ½ and 2.
 */
export function measuredModels(count: number, folder: string, seed = 1): ReplayModel[] {
  const { models } = JSON.parse(readFileSync(join(folder, 'papers/cremebrulee_m5.json'), 'utf8')) as M5
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, index) => {
    const model = models[index % models.length]
    if (model === undefined) throw new RangeError('no models')
    const factor = () => (index < models.length ? 1 : 2 ** (2 * random() - 1))
    const round = Math.floor(index / models.length)
    return {
      name: round === 0 ? model.name : `${model.name}-${round}`,
      bytes: model.keras_file_mb_recalled * 1e6 * factor(),
      loadMs: model.avg_load_latency * 1_000 * factor(),
      runMs: model.avg_exec_latency * 1_000 * factor(),
    }
  })
}

/** Invocations of each function in each minute of the day. */
export function invocations(folder: string): readonly (readonly number[])[] {
  const [, ...lines] = readFileSync(join(folder, 'workload/200_inv.csv'), 'utf8').trim().split('\n')
  return lines.map((line) => line.split(',').slice(3).map(Number))
}

/**
 * CremeBrulee's way from functions to requests: functions with a single invocation and those above the 95th percentile
 * are left out, the rest thinned to a tenth; those of one minute are spread evenly over it, each function's with a
 * phase of its own. Each function asks for one model, drawn by the seed; every model gets a function while there are.
 */
export function mapped(functions: readonly (readonly number[])[], models: number, seed: number, keep = 0.1): Requests {
  const random = seededRandom(seed)
  const totals = functions.map((minutes) => minutes.reduce((sum, count) => sum + count, 0))
  const limit = [...totals].sort((a, b) => a - b)[Math.floor(0.95 * totals.length)] ?? Infinity
  const kept = functions.filter((_, index) => (totals[index] ?? 0) > 1 && (totals[index] ?? 0) < limit)
  const order = shuffled(kept.length, random)
  const requests: { at: number; model: number }[] = []
  for (const [place, chosen] of order.entries()) {
    const model = place < models ? place : Math.floor(random() * models)
    for (const [at, count] of (kept[chosen] ?? []).entries()) {
      const phase = random()
      for (let each = 0; each < count; each++) {
        if (random() < keep) requests.push({ at: (at + (each + phase) / count) * minute, model })
      }
    }
  }
  requests.sort((a, b) => a.at - b.at)
  return { at: Float64Array.from(requests, ({ at }) => at), model: Uint16Array.from(requests, ({ model }) => model) }
}

function shuffled(count: number, random: () => number): number[] {
  const order = Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const moved = order[last] as number
    order[last] = order[other] as number
    order[other] = moved
  }
  return order
}
