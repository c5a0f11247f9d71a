import {
  type Frame,
  type Insight,
  replay,
  type Scenario,
  type ScenarioInput,
} from '../../../adapters/simulation/index.ts'
import type { EnergyModel } from '../../../stages/index.ts'
import { warmUp } from '../paper.ts'
import type { Contender } from './policies.ts'

/** One run of a policy, behind the warm-up. */
export interface Trial {
  /** What counts, mean per frame. */
  readonly value: number
  /** The same in the warm-up. */
  readonly warmUp: number
  /** What could have been at best, each frame by itself, mean per frame. */
  readonly bound: number
  /** What counts of each frame, in order. */
  readonly series: Float64Array
  /** What stands beside it, means per frame that has it. */
  readonly figures: Readonly<Record<string, number>>
}

/** How frames are measured. */
export interface Measure {
  /** What counts of a frame. */
  value(frame: Frame): number
  /** The best it could have been, had the frame been alone. */
  bound(frame: Frame, scenario: Scenario): number
  /** What stands beside it, by name; undefined: this frame has none of it. */
  beside(frame: Frame): Readonly<Record<string, number | undefined>>
}

/** Plays a scenario with one policy. */
export function play(
  scene: ScenarioInput,
  contender: Contender,
  seed: number,
  frames: number,
  { value, bound, beside }: Measure,
): Trial {
  const sum = new Sums(frames)
  let sees: Insight | undefined
  replay(scene, {
    seed,
    frames,
    policy: (insight) => {
      sees = insight
      return contender.begin(seed, insight)
    },
    onSettled: (frame) => {
      const own = value(frame)
      if (frame.seq < warmUp) sum.warm(own)
      else sum.add(frame.seq, own, bound(frame, (sees as Insight).scenario), beside(frame))
    },
  })
  return sum.trial()
}

/** Adds up what became of frames. */
export class Sums {
  readonly #series: Float64Array
  readonly #figures = new Map<string, { sum: number; count: number }>()
  #value = 0
  #bound = 0
  #warmUp = 0

  /** @param frames all of them, the warm-up included */
  constructor(frames: number) {
    this.#series = new Float64Array(frames - warmUp)
  }

  warm(value: number): void {
    this.#warmUp += value / warmUp
  }

  add(seq: number, value: number, bound: number, figures: Readonly<Record<string, number | undefined>>): void {
    this.#series[seq - warmUp] = value
    this.#value += value
    this.#bound += bound
    for (const [name, figure] of Object.entries(figures)) {
      const known = this.#figures.get(name) ?? { sum: 0, count: 0 }
      this.#figures.set(name, known)
      if (figure === undefined) continue
      known.sum += figure
      known.count++
    }
  }

  trial(): Trial {
    const { length } = this.#series
    const figures = [...this.#figures].map(([name, { sum, count }]) => [name, sum / Math.max(1, count)] as const)
    return {
      value: this.#value / length,
      warmUp: this.#warmUp,
      bound: this.#bound / length,
      series: this.#series,
      figures: Object.fromEntries(figures),
    }
  }
}

/** mJ of the device: what it computes and sends, and waiting for the cloud. */
export function energyOf(
  { device, head, run, load, sent, up, queue, cloud, down, backupWork }: Frame,
  phone: EnergyModel,
): number {
  if (sent === 0) return phone.compute(device + load + run + backupWork)
  const rate = up > 0 ? (sent * 8000) / up : Number.POSITIVE_INFINITY
  return (
    phone.compute(device + head + backupWork) + phone.upload(sent, rate) + phone.wait(cloud + queue + load + run + down)
  )
}
