import type { ModelUse } from '../use.ts'
import { Hazard, octaveOf, octaveStarts, octaves } from './hazard.ts'
import type { EvictionPolicy } from './policy.ts'

/** An expectation counts as much as so many requests that were seen. */
const strength = 2
/** Of a model's own requests about the last 50 count; of all models' that are asked for about as often, the last 1,000. */
const memory = { model: 50, alike: 1_000 } as const
/** A horizon beyond which the next request is all but certain adds nothing. */
const leastSurvival = 1e-3

/** Of each octave, ms. */
const middles = octaveStarts.map((start, octave) => (start + (octaveStarts[octave + 1] ?? start)) / 2)

/** A model that is waited for. */
interface Waiting {
  readonly own: Hazard
  alike: Hazard
  readonly since: number
  /** Age up to which its wait has been counted, ms. */
  counted: number
}

/**
 * The default: the load time that keeping a model is expected to save for each byte and millisecond, (C/S) × the
 * greatest, over all horizons h, of P(next request within h) ÷ E[time until it, at most h], given how long nobody has asked. A
 * model due soon is worth its place until then, one in a burst as long as bursts last, one fallen silent less and less.
 *
 * When a model is asked for next is learned from its own requests by the time since the last, drawn towards what was seen
 * of all models asked for about as often, and that towards 1 ÷ max(smoothed time between requests, age), by which
 * `ageing` goes.
 *
 * Hit density: Beckmann, Chen and Cidon, "LHD", NSDI 2018, section 3; the best horizon is Gittins' index.
 */
export function hitDensity(): EvictionPolicy {
  const waiting = new Map<string, Waiting>()
  const groups = new Map<number, Hazard>()
  let countedAt = Number.NEGATIVE_INFINITY

  const alike = ({ interArrival }: ModelUse): Hazard => {
    const group = interArrival === undefined ? -1 : octaveOf(interArrival)
    const known = groups.get(group)
    if (known !== undefined) return known
    const hazard = new Hazard(memory.alike)
    groups.set(group, hazard)
    return hazard
  }

  /** Counts the waits that go on, of models that are not loaded, too: that those do not come back is to be learned. */
  const count = (now: number) => {
    if (now === countedAt) return
    countedAt = now
    for (const each of waiting.values()) grow(each, now)
  }

  return {
    name: 'hit-density',
    additive: true,
    worth(use, now) {
      count(now)
      const own = waiting.get(use.key)?.own
      const group = alike(use)
      const gap = use.interArrival ?? 0
      const rate = (octave: number) => {
        const expected = 1 / Math.max(gap, middles[octave] as number, 1)
        const seen = group.rate(octave, expected, strength)
        return own?.rate(octave, seen, strength) ?? seen
      }
      return (bestRate(now - use.lastUsed, rate) * use.loadMs) / use.bytes
    },
    used(use, now) {
      const before = waiting.get(use.key)
      if (before !== undefined) {
        grow(before, now)
        before.own.came(now - before.since)
        before.alike.came(now - before.since)
      }
      const own = before?.own ?? new Hazard(memory.model)
      waiting.set(use.key, { own, alike: alike(use), since: now, counted: 0 })
    },
  }
}

function grow(waiting: Waiting, now: number): void {
  const age = now - waiting.since
  if (age <= waiting.counted) return
  waiting.own.waited(waiting.counted, age)
  waiting.alike.waited(waiting.counted, age)
  waiting.counted = age
}

/**
 * The greatest P(next request within h) ÷ E[time until it, at most h] over horizons h that end with an octave.
 *
 * @param age ms since the last request
 * @param rate requests for each ms, by the octave of the age
 */
function bestRate(age: number, rate: (octave: number) => number): number {
  let best = 0
  let survival = 1
  let time = 0
  let from = Math.max(0, age)
  for (let octave = octaveOf(from); octave < octaves && survival >= leastSurvival; octave++) {
    const end = octave < octaves - 1 ? (octaveStarts[octave + 1] as number) : Number.POSITIVE_INFINITY
    const hazard = rate(octave)
    const comes = -Math.expm1(-hazard * (end - from))
    time += (survival * comes) / hazard
    survival *= 1 - comes
    // None passes where rounding puts an age at the end of its octave.
    if (time > 0) best = Math.max(best, (1 - survival) / time)
    from = end
  }
  return best
}
