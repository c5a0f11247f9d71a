import { z } from 'zod'
import { restored } from './restore.ts'
import { Samples } from './samples.ts'

const saved = z.record(z.string(), z.unknown())

export interface OnTimeOptions {
  /** Ratios kept per kind of path. Default 128. */
  readonly keep?: number
  /** Relative deviation assumed before anything was observed. Default 0.5. */
  readonly prior?: number
}

/** What is assumed counts as so many observations. */
const weight = 2
/** Knots reach from −6 to 6, where nothing is uncertain any more, 64 to a unit: a cloud that hardly varies is known to 2 %. */
const [reach, fine] = [6, 64]
/** Kinds of path remembered, over all edges. */
const mostPaths = 256

/**
 * The ratios ρ = ln(observed / predicted) of one kind of path: how much longer than predicted its remainder takes.
 */
export class Ratios {
  readonly #samples: Samples
  readonly #prior: number
  /** P at evenly spaced ratios, each worked out when it is first asked for; NaN: not yet. */
  readonly #knots = new Float64Array(2 * reach * fine + 1).fill(Number.NaN)
  readonly #among: Ratios | undefined
  /** How often this has changed, and had the others when the knots were worked out. */
  #changes = 0
  #others = 0

  /** @param among the ratios of like paths, which are assumed before anything was observed */
  constructor({ keep = 128, prior = 0.5 }: OnTimeOptions = {}, among?: Ratios) {
    this.#samples = new Samples(keep)
    this.#prior = prior
    this.#among = among
  }

  /** Ratios held now. */
  get count(): number {
    return this.#samples.count
  }

  /**
   * @param predicted milliseconds the remainder is predicted to take
   * @param left milliseconds that are left
   * @param scale how far off this prediction is expected to be: standard deviation of ρ
   * @returns 0…1, never falling when more is left
   */
  chance(predicted: number, left: number, scale = 1): number {
    if (!(left > 0)) return 0
    if (!(predicted > 0)) return 1
    return this.#share(Math.log(left / predicted) / scale)
  }

  /**
   * The same of ln(left / predicted) ÷ scale, interpolated between ratios 1/64 apart: for whoever asks about a thousand
   * predictions at once. Off by no more than P grows between two of them.
   */
  at(ratio: number): number {
    if (this.#among && this.#others !== this.#among.#changes) this.#forget()
    if (!(ratio > -reach)) return ratio === Number.NEGATIVE_INFINITY ? 0 : this.#knot(0)
    if (ratio >= reach) return this.#knot(2 * reach * fine)
    const at = (ratio + reach) * fine
    const low = Math.floor(at)
    const below = this.#knot(low)
    return below + (at - low) * (this.#knot(low + 1) - below)
  }

  /** The milliseconds within which the remainder is done with chance q, given what is predicted. */
  within(predicted: number, q: number, scale = 1): number {
    return predicted * Math.exp(scale * this.#quantile(q))
  }

  /** Learns what the remainder took that was predicted to take so long. Ignores what is not above 0. */
  observe(predicted: number, observed: number, scale = 1): void {
    this.#samples.add(Math.log(observed / predicted) / scale)
    this.#changes++
    this.#forget()
  }

  /** The ratios, oldest first. */
  save(): number[] {
    return this.#samples.save()
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    this.#samples.restore(from)
    this.#changes++
    this.#forget()
  }

  #forget(): void {
    this.#knots.fill(Number.NaN)
    this.#others = this.#among ? this.#among.#changes : 0
  }

  #quantile(q: number): number {
    const own = this.#samples.quantile(q)
    if (own !== undefined) return own
    return this.#among ? this.#among.#quantile(q) : this.#prior * normalQuantile(q)
  }

  #knot(i: number): number {
    const known = this.#knots[i] as number
    if (!Number.isNaN(known)) return known
    const chance = this.#share(i / fine - reach)
    this.#knots[i] = chance
    return chance
  }

  #share(ratio: number): number {
    const { count } = this.#samples
    const assumed = this.#among ? this.#among.#share(ratio) : normalCdf(ratio / this.#prior)
    return (this.#samples.upTo(ratio) + weight * assumed) / (count + weight)
  }
}

/**
 * The chance that the whole remainder of a message's way is done in time. Quantiles of its steps do not add, so the ratio
 * ρ = ln(observed / predicted) of the whole is pooled per kind of path: P = F_ρ(ln(left / predicted)), with a normal ρ as
 * prior, worth two observations. A path named `kind@place` has the ratios of its kind, from all places, as prior.
 */
export class OnTime {
  readonly #options: OnTimeOptions
  readonly #paths = new Map<string, Ratios>()
  /** What is assumed of paths nobody has taken. */
  readonly #untaken: Ratios

  constructor(options: OnTimeOptions = {}) {
    this.#options = options
    this.#untaken = new Ratios(options)
  }

  /** The ratios of a kind of path, to ask many times at once; empty ones for a path that was never taken. */
  of(path: string, kind = kindOf(path)): Ratios {
    return this.#paths.get(path) ?? this.#paths.get(kind) ?? this.#untaken
  }

  /**
   * @param path kind of path, e.g. `device`, `cloud:captured`
   * @param predicted milliseconds the remainder is predicted to take
   * @param left milliseconds that are left
   * @returns 0…1, never falling when more is left
   */
  chance(path: string, predicted: number, left: number): number {
    return this.of(path).chance(predicted, left)
  }

  /** The milliseconds within which the remainder is done with chance q, given what is predicted. */
  within(path: string, predicted: number, q: number): number {
    return this.of(path).within(predicted, q)
  }

  /** Learns what the remainder took that was predicted to take so long. Ignores what is not above 0. */
  observe(path: string, predicted: number, observed: number, scale = 1): void {
    if (!Number.isFinite(Math.log(observed / predicted))) return
    const kind = kindOf(path)
    if (kind !== path) this.observe(kind, predicted, observed, scale)
    const known = this.#made(path)
    known.observe(predicted, observed, scale)
    // Moved to the end: the first is the one not taken for longest.
    this.#paths.delete(path)
    this.#paths.set(path, known)
    const [oldest] = this.#paths.keys()
    if (this.#paths.size > mostPaths && oldest !== undefined) this.#paths.delete(oldest)
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return Object.fromEntries([...this.#paths].map(([path, ratios]) => [path, ratios.save()]))
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const paths = Object.entries(restored(saved, from, 'chances to be on time'))
    this.#paths.clear()
    for (const [path, values] of paths) {
      const ratios = this.#made(path)
      ratios.restore(values)
      this.#paths.set(path, ratios)
    }
  }

  #made(path: string): Ratios {
    const known = this.#paths.get(path)
    if (known) return known
    const kind = kindOf(path)
    if (kind === path) return new Ratios(this.#options)
    const among = this.#made(kind)
    this.#paths.set(kind, among)
    return new Ratios(this.#options, among)
  }
}

const kindOf = (path: string) => path.split('@', 1)[0] as string

/** Logistic approximation of the normal distribution function, off by 0.01 at most. */
function normalCdf(x: number): number {
  return 1 / (1 + Math.exp(-1.702 * x))
}

/** Its inverse. */
function normalQuantile(q: number): number {
  const inside = Math.min(1 - 1e-9, Math.max(1e-9, q))
  return Math.log(inside / (1 - inside)) / 1.702
}
