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

const names = ['time', 'energy', 'accuracy', 'bytes'] as const
/** No weight is less: of choices equal in what counts the one that is better otherwise is picked. */
const least = 1e-6

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
 * The choice with the least weighted sum of time, energy, bytes and lost accuracy. Each is scaled to 0…1 between its best
 * value and the worst it has among the choices that are best in one of the others (the payoff table's nadir), so that
 * hopeless choices do not flatten the scale. Every weight counts a little, so that nothing beats what is picked.
 * @param count positions in the columns, from 0
 * @param open whether a position may be picked
 * @returns a position, −1 where none may
 */
export function pick(count: number, columns: Columns, weights: FrontWeights, open: (at: number) => boolean): number {
  const scales = names.map((name) => ({ values: columns[name], sign: name === 'accuracy' ? -1 : 1, best: -1, by: 0 }))
  for (const scale of scales) {
    for (let i = 0; i < count; i++) {
      if (!open(i)) continue
      if (scale.best < 0 || scale.sign * ((scale.values[i] as number) - (scale.values[scale.best] as number)) < 0)
        scale.best = i
    }
  }
  if ((scales[0]?.best ?? -1) < 0) return -1
  scales.forEach((scale, k) => {
    const low = scale.values[scale.best] as number
    let worst = 0
    for (const { best } of scales) worst = Math.max(worst, scale.sign * ((scale.values[best] as number) - low))
    const weight = Math.max(weights[names[k] as keyof Objectives] ?? 0, least)
    scale.by = worst > 0 ? (scale.sign * weight) / worst : scale.sign * weight
  })
  let [picked, cheapest] = [-1, Number.POSITIVE_INFINITY]
  for (let i = 0; i < count; i++) {
    if (!open(i)) continue
    let cost = 0
    for (let k = 0; k < scales.length; k++) {
      const scale = scales[k] as (typeof scales)[number]
      cost += scale.by * (scale.values[i] as number)
    }
    if (cost < cheapest) {
      picked = i
      cheapest = cost
    }
  }
  return picked
}
