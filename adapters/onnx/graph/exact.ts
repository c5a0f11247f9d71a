import { isWithin, members } from './bits.ts'
import { type Candidate, type CutOptions, candidates, described, type LayerCut, layersOf, widened } from './cuts.ts'
import type { Model } from './model.ts'
import type { Cuts, Refusal, RefusedCut } from './refused-cut.ts'
import { apart, type Runtime } from './runtime.ts'
import { type OptimisedGraph, separates, withActivations } from './separate.ts'
import { unknownCut } from './unknown.ts'

/** Which cuts are looked for, and how it is found out whether they are exact. */
export interface ExactOptions extends CutOptions {
  /** Who is asked how the runtime computes the model. Default: a process of its own, its answers kept on disk. */
  readonly runtime?: Runtime
  /**
   * Whether each cut is made and its parts are compared with the whole, which takes as long as loading the model for each.
   * True by default; without, the cuts are those that the runtime's graph of the whole has: nearly all of them are exact.
   */
  readonly verify?: boolean
  /** Cuts that are made and compared, those that carry least; more are not offered. 256 by default. */
  readonly tries?: number
}

/** Every way to cut a model, by whether it leaves its answers as they are. */
export interface ExaminedCuts {
  /** Those that do. */
  readonly exact: Cuts
  readonly refused: readonly RefusedCut[]
}

/**
 * Every cut of a model that carries few tensors and leaves the answers as they are, those nearest to the input first.
 *
 * Whether it does is asked of the runtime, at level `extended`: a cut is exact where the graphs that it makes of head and
 * tail compute, together, by the same operators and from the same weights what its graph of the whole computes. Where it
 * computes what lies around a cut as one, a cut beside it that carries no more stands for it. Halves cross as float32
 * where they are only exact so.
 */
export async function cuts(model: Model, options: ExactOptions = {}): Promise<Cuts> {
  return (await examineCuts(model, options)).exact
}

/** As `cuts`, and those that are not offered, with the reason. */
export async function examineCuts(model: Model, options: ExactOptions = {}): Promise<ExaminedCuts> {
  const runtime = options.runtime ?? apart()
  const { all, complete } = candidates(model, options)
  const verify = options.verify ?? true
  const graph = await optimisedOr(model, all, runtime)
  if (typeof graph === 'string') {
    const refusals = all.map((cut) => refused(cut, untried(graph)))
    return { exact: Object.assign([], { complete: complete && all.length === 0 }), refused: refusals }
  }

  const verdicts = new Map<Candidate, Candidate | Refusal>()
  let tries = options.tries ?? 256
  const judge = async (some: readonly Candidate[]): Promise<void> => {
    // What carries least is tried first: it is the likeliest to be wanted. Where the time ends, others are not all at one end.
    const waiting = spread(some).sort((a, b) => a.bytes - b.bytes)
    const tried = await tryAll(model, waiting.slice(0, tries), runtime)
    waiting.forEach((cut, index) => {
      verdicts.set(cut, tried[index] ?? untried('more cuts wait for a trial than are tried, and this one carries more'))
    })
    tries = Math.max(0, tries - waiting.length)
  }
  const separate = separates(model, graph, all)
  const whole = all.filter((_, index) => separate[index])
  if (verify) await judge(whole)
  else for (const cut of whole) verdicts.set(cut, cut)

  const neighbours = new Neighbours(
    model,
    graph,
    all.filter((cut) => isExact(verdicts.get(cut))),
  )
  const doubtful: Candidate[] = []
  for (const cut of all) {
    if (verdicts.has(cut)) continue
    const instead = neighbours.of(cut)
    if (instead) verdicts.set(cut, { why: 'beside', instead: instead.name })
    else doubtful.push(cut)
  }
  if (verify) await judge(doubtful)
  else for (const cut of doubtful) verdicts.set(cut, untried('the runtime computes what lies around it as one'))

  const exact: Candidate[] = []
  const left: RefusedCut[] = []
  for (const cut of all) {
    const verdict = verdicts.get(cut)
    if (!verdict) continue
    if (isExact(verdict)) exact.push(verdict)
    else left.push(refused(cut, verdict))
  }
  // Without trials nobody meant to try any.
  const isAll = complete && (!verify || left.every(({ refusal }) => refusal.why !== 'untried'))
  return { exact: Object.assign(described(model, exact), { complete: isAll }), refused: left }
}

/**
 * The cut of that name: a cut's own name or label, the name or label of the one layer or tensor that crosses; with
 * `after:` before it or not. One that `cuts` leaves out for a cut beside it is tried.
 * @throws UnknownCut which names the nearest that exist
 */
export async function findCut(model: Model, name: string, options: ExactOptions = {}): Promise<LayerCut> {
  const runtime = options.runtime ?? apart()
  const wanted = name.replace(/^after:/, '')
  const found = named(model, wanted, options)
  const refusal = found && (await tryAll(model, [found], runtime))[0]
  if (isExact(refusal)) return described(model, [refusal])[0] as LayerCut
  throw unknownCut(model, wanted, refusal, await cuts(model, { ...options, tensors: 1, verify: false, runtime }))
}

function named(model: Model, wanted: string, options: CutOptions): Candidate | undefined {
  const matches: ((cut: Candidate) => boolean)[] = [
    (cut) => cut.name === wanted,
    (cut) => cut.label === wanted,
    (cut) => cut.crossing.map((tensor) => tensor.name).join('+') === wanted,
  ]
  // Few tensors first: most cuts have one, and are found at once.
  const most = options.tensors ?? 3
  for (let tensors = 1; tensors <= most; tensors++) {
    const { all } = candidates(model, { ...options, tensors })
    for (const match of matches) {
      const cut = all.find(match)
      if (cut) return cut
    }
  }
  return undefined
}

/** The optimised graph, or why there is none. */
async function optimisedOr(
  model: Model,
  wanted: readonly Candidate[],
  runtime: Runtime,
): Promise<OptimisedGraph | string> {
  if (wanted.length === 0) return 'there is nothing to cut'
  try {
    return withActivations(model, await runtime.optimise(model))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Per cut the exact form of it, or why there is none: as it is, or with its halves as float32. */
async function tryAll(model: Model, all: readonly Candidate[], runtime: Runtime): Promise<(Candidate | Refusal)[]> {
  const forms = all.flatMap((cut) => [cut, widened(cut)].flatMap((form) => (form ? [{ cut, form }] : [])))
  const plans = forms.map(({ form }) => ({ ...form, head: layersOf(model, form) }))
  const results = plans.length > 0 ? await runtime.attempt(model, plans) : []
  return all.map((cut) => {
    const own = forms.flatMap(({ cut: of, form }, index) => {
      const result = results[index]
      return of === cut && result ? [{ form, result }] : []
    })
    const same = own.find(({ result }) => 'same' in result)
    if (same) return same.form
    const deviations = own.flatMap(({ result }) => ('deviation' in result ? [result.deviation] : []))
    if (deviations.length > 0) return { why: 'inexact', deviation: Math.min(...deviations) }
    const failed = own.flatMap(({ result }) => ('failed' in result ? [result.failed] : []))
    return untried(failed[0] ?? 'the trial ended early')
  })
}

// Fusions are short; looking further would take long in a wide graph.
const nearby = 32

/**
 * Finds, beside a cut, an exact one that carries no more and differs from it only by layers that the runtime computes as
 * one with their neighbours: what they make is gone from the optimised graph. Cutting there instead costs nothing.
 */
class Neighbours {
  readonly #model: Model
  readonly #bySize = new Map<number, Candidate[]>()
  readonly #exists: ReadonlySet<string>

  constructor(model: Model, graph: OptimisedGraph, exact: readonly Candidate[]) {
    this.#model = model
    this.#exists = new Set([...graph.inputs, ...graph.nodes.flatMap(({ makes }) => makes)])
    for (const cut of exact) this.#bySize.set(cut.layers, [...(this.#bySize.get(cut.layers) ?? []), cut])
  }

  of(cut: Candidate): Candidate | undefined {
    for (let apart = 1; apart <= nearby; apart++) {
      for (const layers of [cut.layers + apart, cut.layers - apart]) {
        const found = this.#bySize.get(layers)?.find((other) => other.bytes <= cut.bytes && this.#isBeside(cut, other))
        if (found) return found
      }
    }
    return undefined
  }

  #isBeside(cut: Candidate, other: Candidate): boolean {
    const [small, large] = other.layers < cut.layers ? [other, cut] : [cut, other]
    if (!isWithin(small.head, large.head)) return false
    const crosses = new Set([...cut.crossing, ...other.crossing].map(({ name }) => name))
    const between = large.head.map((word, index) => word & ~(small.head[index] ?? 0))
    return members(between).every((index) =>
      (this.#model.layers[index]?.outputs ?? []).every(({ name }) => crosses.has(name) || !this.#exists.has(name)),
    )
  }
}

/** The same in another order, such that however few of the first are taken, they lie all over: by the bits of their place, reversed. */
function spread<T>(all: readonly T[]): T[] {
  const width = 32 - Math.clz32(all.length)
  const reversed = (place: number): number => {
    let bits = 0
    for (let bit = 0; bit < width; bit++) bits = (bits << 1) | ((place >> bit) & 1)
    return bits
  }
  return all
    .map((one, place) => ({ one, at: reversed(place) }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}

function isExact(verdict: Candidate | Refusal | undefined): verdict is Candidate {
  return verdict !== undefined && !('why' in verdict)
}

function untried(reason: string): Refusal {
  return { why: 'untried', reason }
}

function refused({ name, label, bytes }: Candidate, refusal: Refusal): RefusedCut {
  return { name, label, bytes, refusal }
}
