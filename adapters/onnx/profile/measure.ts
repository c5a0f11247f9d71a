import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BadConfiguration } from '../../../pipeline/index.ts'
import { type Model, type TensorInfo, withNodeNames } from '../graph/index.ts'
import { InferenceSession, Tensor } from '../runtime.ts'
import { readTrace, type TracedRun } from './traces.ts'

/** How a model is measured. */
export interface MeasureOptions {
  /** Warm runs, after the first few; 40 by default. */
  readonly runs?: number
  /** Intra-op threads; 1 by default, as an executor uses them. */
  readonly threads?: number
  readonly optimisation?: 'disabled' | 'basic' | 'extended' | 'all'
  /** Milliseconds after which no further run is started; 5 seconds by default. */
  readonly within?: number
}

/** A typical value and how far it spreads: the quartiles of the runs that count. */
export interface Timing {
  readonly ms: number
  readonly low: number
  readonly high: number
}

/** What was measured. */
export interface Measurement {
  readonly total: Timing
  /** Per layer, by index; a layer that is computed as part of another has 0. They sum up to the total. */
  readonly layers: readonly Timing[]
  readonly runs: number
  /** The share of wall time that other processes did not take from the runs, 0…1; below 0.9 measure again in peace. */
  readonly undisturbed: number
}

interface Run extends TracedRun {
  /** CPU time by wall time of the run. */
  readonly share: number
  /** Wall time as this process saw it, without the profiler for plain runs. */
  readonly wall: number
}

const warmUps = 3

/**
 * Measures a model's layers with the runtime's own profiler, and its total without it (the layers are scaled to that).
 * On a machine that others use too, the fastest quarter of the runs counts: what a run takes when it is left in peace.
 * @throws BadConfiguration for a model whose inputs cannot be made up
 */
export async function measure(model: Model, options: MeasureOptions = {}): Promise<Measurement> {
  const { runs: wanted = 40, threads = 1 } = options
  for (const [name, value] of Object.entries({ runs: wanted, threads })) {
    if (Number.isSafeInteger(value) && value > 0) continue
    throw new BadConfiguration(`"${name}" is ${value}. Measure with a whole number of ${name}, at least 1.`)
  }
  const folder = await mkdtemp(join(tmpdir(), 'quintet-profile-'))
  try {
    const settings = {
      graphOptimizationLevel: options.optimisation ?? 'all',
      intraOpNumThreads: options.threads ?? 1,
      logSeverityLevel: 4,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    } as const
    const feed = Object.fromEntries(model.inputs.map((input) => [input.name, madeUp(input)]))
    const plain = await InferenceSession.create(model.file.path, settings)
    const walls = await repeat(plain, feed, wanted, options)
    await plain.release()

    const profileFilePrefix = join(folder, 'trace')
    const profiled = await create(model, { ...settings, enableProfiling: true, profileFilePrefix })
    const shares = await repeat(profiled, feed, wanted, options)
    profiled.endProfiling()
    const [file] = await readdir(folder)
    if (file === undefined) throw new BadConfiguration('The runtime wrote no profile. Is the temporary folder full?')
    const traced = (await readTrace(join(folder, file), model)).slice(warmUps)
    await profiled.release()
    return summary(
      walls,
      traced.map((run, index) => ({ ...run, ...(shares[index] ?? { share: 1, wall: run.ms }) })),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A session whose nodes all have names, so that the trace can be read. */
async function create(model: Model, settings: InferenceSession.SessionOptions): Promise<InferenceSession> {
  const named = withNodeNames(model)
  return named ? InferenceSession.create(named, settings) : InferenceSession.create(model.file.path, settings)
}

async function repeat(
  session: InferenceSession,
  feed: Record<string, Tensor>,
  wanted: number,
  { threads = 1, within = 5_000 }: MeasureOptions,
): Promise<{ share: number; wall: number }[]> {
  for (let run = 0; run < warmUps; run++) await session.run(feed)
  const done: { share: number; wall: number }[] = []
  const start = performance.now()
  while (done.length < wanted && (done.length < 3 || performance.now() - start < within)) {
    const cpu = process.cpuUsage()
    const before = performance.now()
    await session.run(feed)
    const wall = performance.now() - before
    const { user, system } = process.cpuUsage(cpu)
    done.push({ wall, share: threads === 1 ? Math.min(1, (user + system) / 1000 / wall) : 1 })
  }
  return done
}

function summary(walls: readonly { share: number; wall: number }[], runs: readonly Run[]): Measurement {
  const calm = calmer(walls)
  const total = timing(calm.map(({ wall, share }) => wall * share))
  // Who interrupts a run hits one layer of it, another in each run: every layer has its own calm runs.
  const raw = (runs[0]?.layers ?? []).map((_, layer) => {
    const times = runs.map((run) => run.layers[layer] ?? 0).sort((a, b) => a - b)
    return timing(times.slice(0, calmRuns(times.length)))
  })
  const sum = raw.reduce((all, { ms }) => all + ms, 0)
  const scale = sum > 0 ? total.ms / sum : 1
  const layers = raw.map(({ ms, low, high }) => ({ ms: ms * scale, low: low * scale, high: high * scale }))
  return { total, layers, runs: calm.length, undisturbed: median(calm.map(({ share }) => share)) }
}

function calmer<T extends { readonly wall: number; readonly share: number }>(runs: readonly T[]): T[] {
  return [...runs].sort((a, b) => a.wall * a.share - b.wall * b.share).slice(0, calmRuns(runs.length))
}

function calmRuns(runs: number): number {
  return Math.min(runs, Math.max(3, Math.ceil(runs / 4)))
}

function timing(values: readonly number[]): Timing {
  return { ms: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) }
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))] ?? 0
}

// What the numbers are hardly changes the time, but zeros and denormals might: a wave of moderate size.
function madeUp({ name, type, shape }: TensorInfo): Tensor {
  const sides = shape ?? []
  const count = sides.reduce((product, side) => product * side, 1)
  const wave = (at: number): number => Math.sin(at / 7)
  switch (type) {
    case 'float32':
      return new Tensor(
        'float32',
        Float32Array.from({ length: count }, (_, at) => wave(at)),
        sides,
      )
    case 'uint8':
      return new Tensor(
        'uint8',
        Uint8Array.from({ length: count }, (_, at) => 128 + 100 * wave(at)),
        sides,
      )
    case 'int32':
      return new Tensor('int32', new Int32Array(count).fill(1), sides)
    case 'int64':
      return new Tensor('int64', new BigInt64Array(count).fill(1n), sides)
    case 'bool':
      return new Tensor('bool', new Uint8Array(count).fill(1), sides)
    default:
      throw new BadConfiguration(
        `The input "${name}" has type ${type}, for which no values can be made up to measure with.`,
      )
  }
}
