/** Evenly spread numbers in [-1, 1), the same for the same seed (xorshift). */
export function noise(length: number, seed: number): Float32Array {
  let state = (seed * 2654435761) >>> 0 || 1
  return Float32Array.from({ length }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 31 - 1
  })
}

/** Three inputs that have nothing in common: noise, a smooth wave, and a few spikes on nothing. */
export function unlikeInputs(length: number): Float32Array[] {
  const wave = Float32Array.from({ length }, (_, index) => Math.sin(index / 37) * Math.cos(index / 1009))
  const spikes = Float32Array.from({ length }, (_, index) => (index % 997 === 3 ? 1 : 0))
  return [noise(length, 7), wave, spikes]
}
