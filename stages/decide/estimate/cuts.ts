import type { Cut } from '../../../pipeline/index.ts'
import type { CatalogueEntry } from '../../manage/index.ts'
import { guessedRun } from './guess.ts'

/** One place for the wire, and what it parts. */
export interface CutPoint {
  readonly cut: Cut
  /** Bytes that cross, as the model computes them. Undefined where the message says it: `captured`, `prepared`. */
  readonly bytes: number | undefined
  /** Of those, the bytes of float32, which an encoding can shrink. Default: all. */
  readonly floats?: number
  /** Milliseconds of the layers before it, on the device as it is taken for reference. */
  readonly before: number
  /** Milliseconds of the layers behind it, in the cloud as it is taken for reference. */
  readonly behind: number
}

/**
 * What each cut of a model parts: struct of arrays, in the order of the chain, both ends included. Times are for reference;
 * whoever predicts with them multiplies `before` with the device's factor, `behind` with the cloud's.
 */
export class CutCosts {
  readonly cuts: readonly Cut[]
  /** NaN where the message says it. */
  readonly bytes: Float64Array
  readonly floats: Float64Array
  /** ms */
  readonly before: Float64Array
  readonly behind: Float64Array
  readonly #index: ReadonlyMap<Cut, number>

  constructor(points: readonly CutPoint[]) {
    this.cuts = points.map(({ cut }) => cut)
    this.bytes = Float64Array.from(points, ({ bytes }) => bytes ?? Number.NaN)
    this.floats = Float64Array.from(points, ({ bytes, floats }) => floats ?? bytes ?? Number.NaN)
    this.before = Float64Array.from(points, ({ before }) => before)
    this.behind = Float64Array.from(points, ({ behind }) => behind)
    this.#index = new Map(this.cuts.map((cut, index) => [cut, index]))
  }

  /** Position of a cut; undefined for one that there is not. */
  indexOf(cut: Cut): number | undefined {
    return this.#index.get(cut)
  }

  /** The share of the whole run on the device that lies before a cut, 0…1. */
  share(index: number): number {
    const whole = this.before.at(-1) as number
    return whole > 0 ? (this.before[index] as number) / whole : 0
  }

  /**
   * The cuts that can be the best one at some bandwidth: j is left out only where an earlier i carries no more, in no
   * type more, and what lies between costs no less on the device than in the cloud. Cuts whose bytes the message says
   * stay, and leave nothing out.
   * @param device cost of a reference millisecond on the device: its factor for latency, factor · mW for energy
   * @param cloud the same of one in the cloud, for energy factor · the power while waiting
   * @returns positions, ascending
   */
  undominated(device: number, cloud: number): number[] {
    const standing: number[] = []
    for (let j = 0; j < this.cuts.length; j++) {
      // What beats a beaten cut beats whatever that one would have beaten: those standing are enough.
      if (!standing.some((i) => this.#beats(i, j, device, cloud))) standing.push(j)
    }
    return standing
  }

  #beats(i: number, j: number, device: number, cloud: number): boolean {
    const { bytes, floats, before, behind } = this
    const [b, f] = [(bytes[j] as number) - (bytes[i] as number), (floats[j] as number) - (floats[i] as number)]
    // With NaN neither holds.
    if (!(f >= 0 && b >= f)) return false
    const more = ((before[j] as number) - (before[i] as number)) * device
    const less = ((behind[i] as number) - (behind[j] as number)) * cloud
    return more >= less
  }
}

/** The cuts of a catalogue's model, with the same reference on both sides: its `latencyMs`, or a guess by its size. */
export function cutCosts(entry: CatalogueEntry): CutCosts {
  const whole = guessedRun(entry)
  return new CutCosts([
    { cut: 'captured', bytes: undefined, before: 0, behind: whole },
    { cut: 'prepared', bytes: undefined, before: 0, behind: whole },
    ...(entry.cuts ?? []).map(
      ({ layer, bytes, floats = bytes, share }): CutPoint => ({
        cut: `after:${layer}`,
        bytes,
        floats,
        before: share * whole,
        behind: (1 - share) * whole,
      }),
    ),
    { cut: 'answered', bytes: 0, before: whole, behind: 0 },
  ])
}
