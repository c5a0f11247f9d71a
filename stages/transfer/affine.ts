/** How bytes stand for numbers: `value = (byte − zero) · scale`, one pair per group of values. */
export interface Affine {
  readonly scale: Float32Array
  readonly zero: Uint8Array
}

/** How the values of a tensor are grouped: `outer × groups × inner`, row-major; one group is the whole tensor. */
export interface Grouping {
  readonly groups: number
  /** Values of one group that lie side by side. */
  readonly inner: number
}

/**
 * Quantises float32 values to bytes, group by group. Zero is met exactly (what an activation function cut off stays
 * cut off); every other value is off by at most one step, `scale`.
 * @returns undefined where a value is not finite, which no affine map can carry
 */
export function toAffine(
  values: Float32Array,
  { groups, inner }: Grouping,
): (Affine & { bytes: Uint8Array }) | undefined {
  const low = new Float32Array(groups)
  const high = new Float32Array(groups)
  const row = groups * inner
  for (let start = 0; start < values.length; start += inner) {
    const group = (start % row) / inner
    let least = low[group] ?? 0
    let most = high[group] ?? 0
    for (let at = start; at < start + inner; at++) {
      const x = values[at] ?? 0
      if (x < least) least = x
      else if (x > most) most = x
      else if (Number.isNaN(x)) return undefined
    }
    low[group] = least
    high[group] = most
  }
  const scale = new Float32Array(groups)
  const zero = new Uint8Array(groups)
  for (let group = 0; group < groups; group++) {
    const [least, most] = [low[group] ?? 0, high[group] ?? 0]
    const step = Math.fround((most - least) / 255)
    if (!Number.isFinite(step)) return undefined
    scale[group] = step > 0 ? step : 1
    zero[group] = step > 0 ? Math.round(-least / step) : 0
  }
  const bytes = new Uint8Array(values.length)
  for (let start = 0; start < values.length; start += inner) {
    const group = (start % row) / inner
    const factor = 1 / (scale[group] ?? 1)
    const offset = (zero[group] ?? 0) + 0.5
    for (let at = start; at < start + inner; at++) {
      const level = Math.floor((values[at] ?? 0) * factor + offset)
      bytes[at] = level < 0 ? 0 : level > 255 ? 255 : level
    }
  }
  return { scale, zero, bytes }
}

/** The numbers that quantised bytes stand for. */
export function fromAffine(bytes: Uint8Array, { scale, zero }: Affine, { groups, inner }: Grouping): Float32Array {
  const out = new Float32Array(bytes.length)
  const row = groups * inner
  for (let start = 0; start < bytes.length; start += inner) {
    const group = (start % row) / inner
    const [step, offset] = [scale[group] ?? 1, zero[group] ?? 0]
    for (let at = start; at < start + inner; at++) out[at] = ((bytes[at] ?? 0) - offset) * step
  }
  return out
}
