/** Something that may go to make room. */
export interface Evictable {
  readonly bytes: number
}

interface Ranked<T> {
  readonly candidate: T
  /** For each byte. */
  readonly worth: number
}

/**
 * The whole set that goes, chosen before any of it goes. By order alone: the least worth first until they free enough, and
 * of those only the largest that suffice. By amounts that can be added: the set that costs least (`leastLoss`).
 *
 * @param worth for each byte; the lowest goes first
 * @param additive whether worth is an amount, not an order alone
 * @returns undefined when all of them together are not enough
 */
export function chooseVictims<T extends Evictable>(
  candidates: readonly T[],
  needed: number,
  worth: (candidate: T) => number,
  additive = false,
): readonly T[] | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, worth: worth(candidate) }))
  ranked.sort((a, b) => a.worth - b.worth)
  const prefix = until(ranked, needed, ({ candidate }) => candidate.bytes)
  if (prefix === undefined) return undefined
  if (additive) return leastLoss(ranked, prefix, needed)
  const largestFirst = prefix.map(({ candidate }) => candidate).sort((a, b) => b.bytes - a.bytes)
  return until(largestFirst, needed, ({ bytes }) => bytes)
}

/**
 * Of all sets made of the least worth and one more that makes them enough, the one that loses least; without what it
 * does not need. What it frees beyond the need is no loss: a byte of it counts as much as one at the margin, less by 2/n
 * of n candidates. The more finely memory is divided, the surer the rest fits what is loaded next.
 *
 * Greedy minimum knapsack: Csirik, Frenk, Labbé and Zhang, "Heuristics for the 0-1 Min-Knapsack Problem", Acta
 * Cybernetica 10 (1991), here with a price for the surplus.
 */
function leastLoss<T extends Evictable>(
  ranked: readonly Ranked<T>[],
  prefix: readonly Ranked<T>[],
  needed: number,
): readonly T[] {
  const price = Math.max(0, 1 - 2 / ranked.length) * (prefix.at(-1)?.worth ?? 0)
  const lossOf = ({ candidate, worth }: Ranked<T>) => (worth - price) * candidate.bytes
  let best: { readonly loss: number; readonly length: number; readonly closing: Ranked<T> } | undefined
  let freed = 0
  let lost = 0
  for (const [length, next] of prefix.entries()) {
    for (let place = length; place < ranked.length; place++) {
      const closing = ranked[place] as Ranked<T>
      if (freed + closing.candidate.bytes < needed) continue
      const loss = lost + lossOf(closing)
      if (best === undefined || loss < best.loss) best = { loss, length, closing }
    }
    freed += next.candidate.bytes
    lost += lossOf(next)
  }
  if (best === undefined) return []
  const chosen = [...prefix.slice(0, best.length), best.closing].sort((a, b) => lossOf(b) - lossOf(a))
  let surplus = chosen.reduce((sum, { candidate }) => sum + candidate.bytes, -needed)
  return chosen.flatMap(({ candidate }) => {
    if (candidate.bytes > surplus) return [candidate]
    surplus -= candidate.bytes
    return []
  })
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
