import type { Models } from '../../../adapters/node/index.ts'
import type { Cut } from '../../../pipeline/index.ts'
import { modelSet } from '../../stages/decide/support.ts'
import type { Place } from './world.ts'

/** Where the models can be cut: a name that says how many bytes cross, and the share of the work before it. */
export const layers = [
  { layer: 'layer-60000', bytes: 60_000, share: 0.1 },
  { layer: 'layer-24000', bytes: 24_000, share: 0.3 },
  { layer: 'layer-4000', bytes: 4000, share: 0.6 },
] as const

/** A small model and a large one, each of which can be cut. */
export function models(): Models {
  const whole = modelSet([
    { id: 'small', accuracy: 0.6, latencyMs: 10 },
    { id: 'large', accuracy: 0.9, latencyMs: 60 },
  ])
  const cuts = layers.map(({ layer }): Cut => `after:${layer}`)
  return {
    ...whole,
    cuts: () => cuts,
    entry: (id) => ({ ...whole.entry(id), cuts: layers.map((one) => ({ ...one, floats: 0 })) }),
  }
}

/** A place where whole models take so many ms, and parts their share. */
export function place(small: number, large: number, prepare: number): Place {
  return {
    prepare,
    run({ name, key }) {
      const whole = name.startsWith('small') ? small : large
      const cut = layers.find(({ layer }) => key.endsWith(layer))
      if (!cut) return whole
      return whole * (key.includes(':head:') ? cut.share : 1 - cut.share)
    },
  }
}
