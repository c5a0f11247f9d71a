/** A set of small whole numbers, as bits. */
export type Bits = Uint32Array

/** An empty set that can hold numbers below `size`. */
export function bits(size: number): Bits {
  return new Uint32Array((size + 31) >>> 5)
}

/** Whether the set holds the number. */
export function has(set: Bits, index: number): boolean {
  return ((set[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0
}

/** Adds a number. */
export function add(set: Bits, index: number): void {
  set[index >>> 5] = (set[index >>> 5] ?? 0) | (1 << (index & 31))
}

/** Adds all of another set of the same size. */
export function addAll(set: Bits, other: Bits): void {
  for (let word = 0; word < set.length; word++) set[word] = (set[word] ?? 0) | (other[word] ?? 0)
}

/** Whether `one` holds nothing that `other` does not hold. */
export function isWithin(one: Bits, other: Bits): boolean {
  return one.every((word, index) => (word & ~(other[index] ?? 0)) === 0)
}

/** Whether two sets share nothing. */
export function isApart(one: Bits, other: Bits): boolean {
  return one.every((word, index) => (word & (other[index] ?? 0)) === 0)
}

/** The numbers in the set, ascending. */
export function members(set: Bits): number[] {
  const found: number[] = []
  for (let index = 0; index < set.length * 32; index++) if (has(set, index)) found.push(index)
  return found
}

/** How many numbers the set holds. */
export function size(set: Bits): number {
  let count = 0
  for (let word of set) for (; word !== 0; word &= word - 1) count++
  return count
}

/** Whether the set holds nothing. */
export function isEmpty(set: Bits): boolean {
  return set.every((word) => word === 0)
}
