/**
 * Rounds float32 values to IEEE half precision, to the nearest (ties to even). What is too large becomes ±65,504, not
 * infinity: one wild activation must not spoil an answer. NaN and true infinities stay.
 */
export function toHalves(values: Float32Array): Uint16Array {
  const out = new Uint16Array(values.length)
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let at = 0; at < values.length; at++) {
    const x = bits[at] ?? 0
    const sign = (x >>> 16) & 0x8000
    const rest = x & 0x7fffffff
    let half: number
    if (rest >= 0x7f800000) half = rest > 0x7f800000 ? 0x7e00 : 0x7c00
    else if (rest >= 0x477fe000) half = 0x7bff
    else if (rest >= 0x38800000) half = (rest - 0x38000000 + 0xfff + ((rest >>> 13) & 1)) >>> 13
    else if (rest < 0x33000000) half = 0
    else half = subnormal(rest)
    out[at] = sign | half
  }
  return out
}

// Below 2^-14 the unit of the last place stays 2^-24.
function subnormal(rest: number): number {
  const shift = 126 - (rest >>> 23)
  const mantissa = (rest & 0x7fffff) | 0x800000
  const half = mantissa >>> shift
  const lost = mantissa & ((1 << shift) - 1)
  const middle = 1 << (shift - 1)
  return lost > middle || (lost === middle && (half & 1) === 1) ? half + 1 : half
}

let table: Float32Array | undefined

/** Halves as float32, exactly. */
export function fromHalves(halves: Uint16Array): Float32Array {
  table ??= Float32Array.from({ length: 65_536 }, (_, half) => value(half))
  const out = new Float32Array(halves.length)
  for (let at = 0; at < halves.length; at++) out[at] = table[halves[at] ?? 0] ?? 0
  return out
}

function value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 31
  const mantissa = half & 1023
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25))
}

/** The largest finite half: larger values are brought down to it. */
export const largestHalf = 65_504
