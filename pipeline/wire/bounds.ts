/** Values of one header, names of fields included: a result with a thousand boxes has 13,000. */
export const mostValues = 16_384
/** Names in one map. */
export const mostNames = 1_024
/** Bytes of one text: making one of more takes longer than all else about a header. */
export const mostText = 64 * 1024
/** Lists and maps within one another. */
export const mostDepth = 32

/** Of the lists and maps around the one that is looked at: values still to come, and whether they are a map's. */
const toCome = new Float64Array(mostDepth + 1)
const maps = new Uint8Array(mostDepth + 1)

/**
 * What keeps packed bytes from being a header, found before anything is made of them: how many values they hold, how deep,
 * and of which types is told by the bytes between the contents alone, which are passed over. It ends at the first thing
 * that is wrong. Text is not looked into.
 * @param packed MessagePack: maps whose names are texts, lists, texts, bytes, numbers, booleans, null, undefined; none of its
 *   extensions, of which some make big numbers, dates or classes
 * @param seen hears how many values were looked at
 * @returns why it is none; undefined where it may be decoded
 */
export function outOfBounds(packed: Uint8Array, seen?: (values: number) => void): string | undefined {
  const end = packed.byteLength
  let values = 0
  let at = 0
  let depth = 0
  // Of the list or map that is looked at; a map's values are its names and what they name, in turn.
  let left = 1
  let isMap = 0
  const wrong = (why: string): string => {
    seen?.(values)
    return `its header ${why}`
  }
  for (;;) {
    if (left === 0) {
      if (depth === 0) break
      left = toCome[--depth] as number
      isMap = maps[depth] as number
      continue
    }
    if (at >= end) return wrong('is cut off')
    if (++values > mostValues) return wrong(`has more than ${mostValues} values`)
    const isName = isMap === 1 && left % 2 === 0
    left--
    const type = packed[at++] as number
    if (type >= 0xa0 && type < 0xc0) {
      at += type & 0x1f
      continue
    }
    const text = type >= 0xd9 && type <= 0xdb
    if (isName && !text) return wrong('has a name that is no text')
    if (type < 0x80 || type >= 0xe0) continue
    let inner = -1
    let innerMap = 0
    if (type < 0x90) {
      innerMap = 1
      inner = 2 * (type & 0x0f)
    } else if (type < 0xa0) inner = type & 0x0f
    else if (text || (type >= 0xc4 && type <= 0xc6)) {
      const width = 1 << (type - (text ? 0xd9 : 0xc4))
      const bytes = numberAt(packed, at, width)
      if (text && bytes > mostText) return wrong(`has a text of ${bytes} bytes; ${mostText} are allowed`)
      at += width + bytes
    } else if (type >= 0xdc && type <= 0xdf) {
      const width = type & 1 ? 4 : 2
      innerMap = type >= 0xde ? 1 : 0
      inner = numberAt(packed, at, width) * (1 + innerMap)
      at += width
    } else if (type >= 0xca && type <= 0xd3) {
      // float32, float64, then the four unsigned and the four signed widths.
      at += type === 0xca ? 4 : type === 0xcb ? 8 : 1 << ((type - 0xcc) & 3)
    } else if (type === 0xd4 && packed[at] === 0 && packed[at + 1] === 0) {
      // undefined, as this codec's library writes it
      at += 2
    } else if (type !== 0xc0 && type !== 0xc2 && type !== 0xc3) {
      return wrong('has a value of a type that no header has')
    }
    if (at > end || inner > end - at) return wrong('is cut off')
    if (inner < 0) continue
    if (innerMap === 1 && inner > 2 * mostNames) return wrong(`has ${inner / 2} names side by side`)
    if (depth === mostDepth) return wrong(`is nested more than ${mostDepth} deep`)
    toCome[depth] = left
    maps[depth++] = isMap
    left = inner
    isMap = innerMap
  }
  if (at !== end) return wrong('has another length')
  seen?.(values)
  return undefined
}

function numberAt(packed: Uint8Array, at: number, width: number): number {
  let number = 0
  for (let byte = 0; byte < width; byte++) number = number * 256 + (packed[at + byte] ?? 0)
  return number
}
