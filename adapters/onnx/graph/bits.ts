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
  for (let word = 0; word < one.length; word++) if (((one[word] ?? 0) & ~(other[word] ?? 0)) !== 0) return false
  return true
}

/** The numbers in the set, ascending. */
export function members(set: Bits): number[] {
  const found: number[] = []
  for (let word = 0; word < set.length; word++) {
    for (let left = set[word] ?? 0; left !== 0; left &= left - 1) found.push(word * 32 + 31 - Math.clz32(left & -left))
  }
  return found
}

/** How many numbers the set holds. */
export function size(set: Bits): number {
  let count = 0
  for (let at = 0; at < set.length; at++) {
    let word = set[at] ?? 0
    word -= (word >>> 1) & 0x55555555
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
  }
  return count
}

/** The sum of the members' values. Words that are held whole cost no more than one of their numbers. */
export function summing(values: readonly number[]): (set: Bits) => number {
  const words: number[] = []
  values.forEach((value, index) => {
    words[index >>> 5] = (words[index >>> 5] ?? 0) + value
  })
  return (set) => {
    let sum = 0
    for (let word = 0; word < set.length; word++) {
      let left = set[word] ?? 0
      if (left === 0xffffffff) sum += words[word] ?? 0
      else for (; left !== 0; left &= left - 1) sum += values[word * 32 + 31 - Math.clz32(left & -left)] ?? 0
    }
    return sum
  }
}

/** The first number from `from` on that neither set holds; both are of one size. */
export function firstOutside(one: Bits, other: Bits, from: number): number {
  let word = from >>> 5
  // Numbers below `from` count as held.
  let held = (1 << (from & 31)) - 1
  for (; word < one.length; word++) {
    const free = ~((one[word] ?? 0) | (other[word] ?? 0) | held)
    if (free !== 0) return word * 32 + 31 - Math.clz32(free & -free)
    held = 0
  }
  return one.length * 32
}
