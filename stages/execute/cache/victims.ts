/** Something that may go to make room. */
export interface Evictable {
  readonly bytes: number
}

/**
 * The whole set that goes, chosen before any of it goes: the least worth first until they free enough, and of those
 * only the largest that suffice.
 *
 * @param worth for each byte; the lowest goes first
 * @returns undefined when all of them together are not enough
 */
export function chooseVictims<T extends Evictable>(
  candidates: readonly T[],
  needed: number,
  worth: (candidate: T) => number,
): readonly T[] | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, worth: worth(candidate) }))
  ranked.sort((a, b) => a.worth - b.worth)
  const chosen = until(ranked, needed, ({ candidate }) => candidate.bytes)
  if (chosen === undefined) return undefined
  const largestFirst = chosen.map(({ candidate }) => candidate).sort((a, b) => b.bytes - a.bytes)
  return until(largestFirst, needed, ({ bytes }) => bytes)
}

/** The shortest prefix that frees enough. */
function until<T>(items: readonly T[], needed: number, bytesOf: (item: T) => number): T[] | undefined {
  const prefix: T[] = []
  let freed = 0
  for (const item of items) {
    if (freed >= needed) break
    prefix.push(item)
    freed += bytesOf(item)
  }
  return freed >= needed ? prefix : undefined
}
