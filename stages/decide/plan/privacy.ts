import { anyLayer, type Cut, layerOf, type Menu } from '../../../pipeline/index.ts'
import type { CutCosts } from '../estimate/cuts.ts'
import type { Leaves } from './options.ts'

/** Whether what crosses at a cut may leave the device. Behind a layer it depends on the model: see `layersThatMayLeave`. */
export function mayLeave(cut: Cut, leaves: Leaves): boolean {
  if (cut === 'answered') return true
  if (leaves === 'anything') return true
  return leaves === 'prepared' && cut === 'prepared'
}

/**
 * Positions of a model's layers that are on the menu, may be crossed behind, and are worth it: while the cloud is the
 * faster side a later layer wins only by carrying less, and otherwise the whole model on the device does. The last stays
 * in any case, for menus without the whole on the device.
 */
export function layersThatMayLeave(costs: CutCosts, { cuts }: Menu, leaves: Leaves): number[] {
  if (leaves === 'nothing') return []
  const from = typeof leaves === 'object' ? costs.indexOf(`after:${leaves.after}`) : 0
  if (from === undefined) return []
  const allowed: number[] = []
  for (let at = from; at < costs.cuts.length; at++) {
    const cut = costs.cuts[at] as Cut
    if (layerOf(cut) !== undefined && (cuts.includes(anyLayer) || cuts.includes(cut))) allowed.push(at)
  }
  const { bytes, floats } = costs
  let [least, leastFloats] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  return allowed.filter((at, i) => {
    const [b, f] = [bytes[at] as number, floats[at] as number]
    if (b >= least && f >= leastFloats && i < allowed.length - 1) return false
    least = Math.min(least, b)
    leastFloats = Math.min(leastFloats, f)
    return true
  })
}
