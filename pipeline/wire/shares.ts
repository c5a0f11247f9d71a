import type { Held } from './held.ts'

/**
 * What has to give way so that there is room for what a device brings: of the device that has the most, if that stays no
 * less than what the newcomer has then. So all get equal shares of a node that is full, and whoever is alone has all of it.
 * What has not arrived gives way first, then what has the most time left, for it is worked on last.
 * @param weight what one takes: 1 for places, bytes for room
 */
export function givingWay(
  held: Iterable<Held>,
  device: string,
  brought: number,
  weight: (held: Held) => number,
): Held | undefined {
  const sums = new Map<string, number>()
  const all = [...held].filter((one) => weight(one) > 0)
  for (const one of all) sums.set(one.device, (sums.get(one.device) ?? 0) + weight(one))
  const own = (sums.get(device) ?? 0) + brought
  let most = own
  let who: string | undefined
  for (const [name, sum] of sums) {
    if (name === device || sum <= most) continue
    most = sum
    who = name
  }
  let first: Held | undefined
  for (const one of all) if (one.device === who && (!first || isSooner(one, first))) first = one
  return first
}

/** Before how many one that a device brings is worked on, itself counted, where all are served in turn. */
export function turnOf(held: Iterable<Held>, device: string): number {
  const devices = new Set([device])
  let [all, own] = [1, 1]
  for (const one of held) {
    devices.add(one.device)
    all++
    if (one.device === device) own++
  }
  return Math.min(all, own * devices.size)
}

function isSooner(one: Held, than: Held): boolean {
  const [arriving, other] = [one.assembly !== undefined, than.assembly !== undefined]
  return arriving === other ? one.expires >= than.expires : arriving
}
