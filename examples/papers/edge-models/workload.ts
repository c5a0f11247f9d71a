import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Random, random } from '../../../adapters/simulation/index.ts'
import { BadInput } from '../../../pipeline/index.ts'

/** A model of a replay. */
export interface ReplayModel {
  readonly name: string
  readonly bytes: number
  readonly loadMs: number
  readonly runMs: number
}

/** Requests in order of time: which model, by its place in the list, and when (ms from the start of the day). */
export interface Requests {
  readonly at: Float64Array
  readonly model: Uint16Array
}

/** Invocations of one function in each minute of a day. */
export type Minutes = readonly number[]

const measurements = z.object({
  models: z
    .array(
      z.object({
        name: z.string().min(1),
        /** Seconds. */
        avg_load_latency: z.number().positive(),
        avg_exec_latency: z.number().positive(),
        keras_file_mb_recalled: z.number().positive(),
      }),
    )
    .min(1),
})

const minute = 60_000

/**
 * The 26 networks that CremeBrulee measured on an m5.large (load and run time), with the sizes of their files.
 * Source: cake-lab/CremeBrulee, measurements/models.m5.json (MIT); it says 0 for all sizes, those of Keras' documentation stand
 * in their place.
 * @throws BadInput the file is not that
 */
export async function measuredModels(assets: string): Promise<readonly ReplayModel[]> {
  const path = join(assets, 'papers', 'cremebrulee_m5.json')
  let read: z.infer<typeof measurements>
  try {
    read = measurements.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    throw new BadInput(`"${path}" does not hold the measured models. Fetch it anew.`, { cause })
  }
  return read.models.map((model) => ({
    name: model.name,
    bytes: model.keras_file_mb_recalled * 1e6,
    loadMs: model.avg_load_latency * 1_000,
    runMs: model.avg_exec_latency * 1_000,
  }))
}

/** So many models: beyond those there are they repeat, each time and size scaled by its own factor between ½ and 2. */
export function repeated(models: readonly ReplayModel[], count: number, seed = 1): ReplayModel[] {
  const draw = random(seed, 'repeated models')
  return Array.from({ length: count }, (_, index) => {
    const model = models[index % models.length] as ReplayModel
    const round = Math.floor(index / models.length)
    if (round === 0) return model
    const factor = () => 2 ** (2 * draw.uniform() - 1)
    return {
      name: `${model.name}-${round}`,
      bytes: model.bytes * factor(),
      loadMs: model.loadMs * factor(),
      runMs: model.runMs * factor(),
    }
  })
}

/**
 * 200 functions of a day of Azure Functions.
 * Source: vhive-serverless/invitro's sample of the Azure Functions 2019 trace (Shahrad et al., ATC 2020; CC-BY).
 * @throws BadInput the file is no such table
 */
export async function invocations(assets: string): Promise<readonly Minutes[]> {
  const path = join(assets, 'workload', '200_inv.csv')
  const [head, ...lines] = (await readFile(path, 'utf8')).trim().split('\n')
  const columns = head?.split(',').length
  return lines.map((line, index) => {
    const minutes = line.split(',').slice(3).map(Number)
    if (minutes.length + 3 === columns && minutes.every((count) => Number.isInteger(count) && count >= 0))
      return minutes
    throw new BadInput(`"${path}", line ${index + 2}, does not hold a whole number for each minute of its head.`)
  })
}

/**
 * CremeBrulee's way from functions to requests: functions with a single invocation and those above the 95th percentile
 * are left out, the rest thinned to `keep`; those of one minute are spread evenly over it, each function's with a phase
 * of its own. Each function asks for one model, drawn by the seed; every model gets a function while there are.
 */
export function mapped(functions: readonly Minutes[], models: number, seed: number, keep = 0.1): Requests {
  const draw = random(seed, 'functions to models')
  const totals = functions.map((minutes) => minutes.reduce((sum, count) => sum + count, 0))
  const limit = [...totals].sort((a, b) => a - b)[Math.floor(0.95 * totals.length)] ?? Infinity
  const kept = functions.filter((_, index) => (totals[index] ?? 0) > 1 && (totals[index] ?? 0) < limit)
  const requests: { at: number; model: number }[] = []
  for (const [place, chosen] of shuffled(kept.length, draw).entries()) {
    const model = place < models ? place : Math.floor(draw.uniform() * models)
    for (const [at, count] of (kept[chosen] ?? []).entries()) {
      const phase = draw.uniform()
      for (let each = 0; each < count; each++) {
        if (draw.uniform() < keep) requests.push({ at: (at + (each + phase) / count) * minute, model })
      }
    }
  }
  requests.sort((a, b) => a.at - b.at)
  return { at: Float64Array.from(requests, ({ at }) => at), model: Uint16Array.from(requests, ({ model }) => model) }
}

/** The numbers below `count` in an order drawn (Fisher and Yates). */
function shuffled(count: number, { uniform }: Random): number[] {
  const order = Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1))
    const moved = order[last] as number
    order[last] = order[other] as number
    order[other] = moved
  }
  return order
}
