/** What a choice costs and gives, for a front: less of the first, third and fourth is better, more accuracy is. */
export interface Objectives {
  /** Milliseconds from now to the answer. */
  readonly time: number
  /** Millijoules of the device. */
  readonly energy: number
  /** Chance that the answer is right and on time, 0…1. */
  readonly accuracy: number
  /** Bytes over the uplink. */
  readonly bytes: number
}

/** The weights of a user profile; what is absent does not count. */
export type FrontWeights = Readonly<Partial<Record<keyof Objectives, number>>>

/** Profiles by name. The small shares break ties among what is equal in what counts. */
export const profiles = {
  fast: { time: 1, accuracy: 0.3, energy: 0.01, bytes: 0.01 },
  accurate: { accuracy: 1, time: 0.05, energy: 0.01, bytes: 0.01 },
  frugal: { energy: 1, bytes: 0.5, accuracy: 0.3, time: 0.01 },
} as const satisfies Readonly<Record<string, FrontWeights>>

/** The columns of many choices, one array for each objective. */
export interface Columns {
  readonly time: ArrayLike<number>
  readonly energy: ArrayLike<number>
  readonly accuracy: ArrayLike<number>
  readonly bytes: ArrayLike<number>
}

/**
 * Positions of the choices that no other beats: none is at least as good in everything and better in something. Of equal
 * ones the first stands. By ascending time; O(n log n + n · front).
 */
export function paretoFront({ time, energy, accuracy, bytes }: Columns): number[] {
  const order = Array.from(time, (_, i) => i).filter((i) => Number.isFinite(time[i]))
  // What beats another comes before it in this order, so that one pass is enough.
  order.sort(
    (i, j) =>
      (time[i] as number) - (time[j] as number) ||
      (energy[i] as number) - (energy[j] as number) ||
      (bytes[i] as number) - (bytes[j] as number) ||
      (accuracy[j] as number) - (accuracy[i] as number) ||
      i - j,
  )
  const front: number[] = []
  for (const i of order) {
    const [e, a, b] = [energy[i] as number, accuracy[i] as number, bytes[i] as number]
    const beaten = front.some(
      (j) => (energy[j] as number) <= e && (accuracy[j] as number) >= a && (bytes[j] as number) <= b,
    )
    if (!beaten) front.push(i)
  }
  return front
}

/**
 * The point of a front with the least weighted sum of time, energy, bytes and lost accuracy, each scaled to 0…1 over the
 * front. With positive weights it is one that nothing beats. −1 of an empty front.
 */
export function pick(front: readonly number[], columns: Columns, weights: FrontWeights): number {
  const scales = (['time', 'energy', 'accuracy', 'bytes'] as const).map((name) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const i of front) {
      low = Math.min(low, columns[name][i] as number)
      high = Math.max(high, columns[name][i] as number)
    }
    const weight = (weights[name] ?? 0) * (name === 'accuracy' ? -1 : 1)
    return { values: columns[name], low, by: high > low ? weight / (high - low) : 0 }
  })
  let [best, least] = [-1, Number.POSITIVE_INFINITY]
  for (const i of front) {
    let cost = 0
    for (const { values, low, by } of scales) cost += by * ((values[i] as number) - low)
    if (cost < least) {
      best = i
      least = cost
    }
  }
  return best
}
