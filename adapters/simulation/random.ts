import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** A stream of random numbers, the same for the same seed and name. */
export interface Random {
  /** Even, 0 ≤ x < 1. */
  uniform(): number
  /** Normal, mean 0, deviation 1. */
  normal(): number
  /** Exponential, mean 1. */
  exponential(): number
}

/**
 * A stream of its own for each thing that varies, so that two policies in the same world meet the same draws whatever
 * they decide (common random numbers). xoroshiro128+ of pure-rand.
 */
export function random(seed: number, name: string): Random {
  const generator = xoroshiro128plus(hash(seed, name))
  const uniform = () => uniformFloat64(generator)
  let spare = Number.NaN
  return {
    uniform,
    normal() {
      if (!Number.isNaN(spare)) {
        const kept = spare
        spare = Number.NaN
        return kept
      }
      // Box and Muller; 1 − u is never 0.
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
      const angle = 2 * Math.PI * uniform()
      spare = radius * Math.sin(angle)
      return radius * Math.cos(angle)
    },
    exponential: () => -Math.log(1 - uniform()),
  }
}

/** FNV-1a over the name, from the seed on, mixed once more: near seeds shall not give near streams. */
function hash(seed: number, name: string): number {
  let state = (0x811c9dc5 ^ Math.imul(seed | 0, 0x9e3779b1)) >>> 0
  for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 0x01000193) >>> 0
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  return state ^ (state >>> 13)
}
