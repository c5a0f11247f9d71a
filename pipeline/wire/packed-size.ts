import { utf8Length } from '../bytes.ts'

/**
 * Bytes of a header as MessagePack, without writing it: to the byte what `packFrame` would write.
 * @param value what a frame's header may hold: plain objects, arrays, strings, numbers, booleans, null, undefined
 */
export function packedSize(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return stringSize(value)
    case 'number':
      return numberSize(value)
    case 'undefined':
      // Written as an extension of no content.
      return 3
    case 'object':
      if (value === null) return 1
      return Array.isArray(value) ? arraySize(value) : mapSize(value as Readonly<Record<string, unknown>>)
    default:
      return 1
  }
}

function mapSize(map: Readonly<Record<string, unknown>>): number {
  // Its length always takes two bytes, so that it can be written before it is known.
  let size = 3
  for (const key in map) size += stringSize(key) + packedSize(map[key])
  return size
}

function arraySize(list: readonly unknown[]): number {
  let size = list.length < 0x10 ? 1 : list.length < 0x10000 ? 3 : 5
  for (const value of list) size += packedSize(value)
  return size
}

function numberSize(value: number): number {
  if (value >>> 0 === value) return value < 0x80 ? 1 : value < 0x100 ? 2 : value < 0x10000 ? 3 : 5
  if (value >> 0 === value) return value >= -0x20 ? 1 : value >= -0x80 ? 2 : value >= -0x8000 ? 3 : 5
  return 9
}

function stringSize(text: string): number {
  const bytes = utf8Length(text)
  return bytes + (bytes < 0x20 ? 1 : bytes < 0x100 ? 2 : bytes < 0x10000 ? 3 : 5)
}
