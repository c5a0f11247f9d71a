/** Uniform and shaped numbers from one seed; the same seed gives the same sequence on every machine. */
export type Random = {
  /** The next uniform number in [0, 1). */
  next(): number
  /** Uniform in [low, high). */
  between(low: number, high: number): number
  /** Log-uniform in [low, high): every doubling is as likely as every other. Both bounds positive. */
  scale(low: number, high: number): number
  /** A whole number from low to high, both included. */
  whole(low: number, high: number): number
  /** True with the given probability. */
  chance(probability: number): boolean
  /** One of the given things; throws `RangeError` when there is none. */
  pick<T>(things: readonly T[]): T
}

/** Scatters a seed and an index into a new 32-bit seed (the finaliser of MurmurHash3, applied to both in turn). */
export function scatter(seed: number, index: number): number {
  return finalise(finalise(seed >>> 0) ^ Math.imul(index + 1, 0x9e3779b1))
}

function finalise(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A generator of random numbers for a seed (mulberry32: 32 bits of state, plenty for one picture). */
export function random(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low: number, high: number) => low + (high - low) * next()
  return {
    next,
    between,
    scale: (low, high) => low * (high / low) ** next(),
    whole: (low, high) => low + Math.floor((high - low + 1) * next()),
    chance: (probability) => next() < probability,
    pick<T>(things: readonly T[]): T {
      if (things.length === 0) throw new RangeError('there is nothing to pick from: pass at least one thing')
      return things[Math.floor(next() * things.length)] as T
    },
  }
}
