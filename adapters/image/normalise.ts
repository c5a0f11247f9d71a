import type { Tensor } from '../../pipeline/index.ts'
import type { ModelInput } from '../../stages/manage/index.ts'

type Element = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>

/** One table of 256 values per channel of the tensor; made once per input description. */
const tables = new WeakMap<ModelInput, readonly [Element, Element, Element]>()

/**
 * RGB bytes `[height, width, 3]` as the model's input tensor: `(byte − mean) / std` per channel, in the input's layout
 * and channel order (`mean` and `std` are listed in that order too). A `uint8` input gets the value rounded and
 * clamped to 0…255.
 *
 * @returns `[1, 3, height, width]` (NCHW) or `[1, height, width, 3]` (NHWC) over memory of its own
 */
export function normalise(rgb: Uint8Array, input: ModelInput): Tensor {
  const { width, height } = input
  const planar = input.layout === 'NCHW'
  const pixels = width * height
  const values: Element = input.type === 'float32' ? new Float32Array(pixels * 3) : new Uint8Array(pixels * 3)
  const lookup = tables.get(input) ?? makeTables(input)
  for (let channel = 0; channel < 3; channel++) {
    const table = lookup[channel] as Element
    const from = input.channels === 'rgb' ? channel : 2 - channel
    const step = planar ? 1 : 3
    let to = planar ? channel * pixels : channel
    for (let source = from; source < pixels * 3; source += 3) {
      values[to] = table[rgb[source] as number] as number
      to += step
    }
  }
  return {
    name: input.name,
    type: input.type,
    shape: planar ? [1, 3, height, width] : [1, height, width, 3],
    bytes: new Uint8Array(values.buffer),
  }
}

function makeTables(input: ModelInput): readonly [Element, Element, Element] {
  const table = (channel: 0 | 1 | 2): Element => {
    const exact = Array.from({ length: 256 }, (_, byte) => (byte - input.mean[channel]) / input.std[channel])
    return input.type === 'float32'
      ? Float32Array.from(exact)
      : Uint8Array.from(exact, (value) => Math.max(0, Math.min(255, Math.round(value))))
  }
  const made = [table(0), table(1), table(2)] as const
  tables.set(input, made)
  return made
}
