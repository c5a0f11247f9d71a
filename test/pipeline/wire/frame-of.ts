import { type Parts, webPlatform } from '../../../pipeline/index.ts'

/** A frame made by hand, all its checks right: what it holds, and what it says of itself, may be anything. */
export function frameOf(
  packed: ArrayLike<number>,
  { versions = [1, 1, 1], count = 0, length = packed.length } = {},
): Parts {
  const data = new Uint8Array(18 + packed.length)
  data.set([0x51, ...versions])
  data.set(packed, 18)
  const view = new DataView(data.buffer)
  view.setUint16(4, count, true)
  view.setUint32(6, length, true)
  const { crc32 } = webPlatform
  view.setUint32(14, crc32(data.subarray(18), crc32(data.subarray(1, 14))), true)
  return [data]
}
