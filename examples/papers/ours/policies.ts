import type { Insight, Policy } from '../../../adapters/simulation/index.ts'
import { type Backup, type Cut, type Decider, inCloud, onDevice } from '../../../pipeline/index.ts'
import { backup, offload, place, plan, select } from '../../../stages/index.ts'
import { phones } from '../pieslicer/index.ts'
import { model, models, pool, standIns } from './pool.ts'

/** A policy as it is begun anew in every run. */
export interface Contender {
  readonly name: string
  begin(seed: number, insight: Insight): Policy
}

/** What a static policy always does. */
export interface Always {
  readonly model: string
  readonly cut: Cut
  /** The model that stands in; undefined: none does. */
  readonly standIn: string | undefined
}

/** Everything that can be done always. */
export const statics: readonly Always[] = pool.flatMap(({ id }) => [
  { model: id, cut: 'answered' as const, standIn: undefined },
  ...(['captured', 'prepared'] as const).flatMap((cut) =>
    [undefined, ...standIns].map((standIn) => ({ model: id, cut, standIn })),
  ),
])

/** A stand-in begins so much sooner than it is expected to be needed. */
const spare = 1.3
/** ms of preparing a picture of usual size on the phone. */
const prepare = phones.pixel2.prepare[1] + 0.3 * phones.pixel2.prepare[0]

/** Always the same stand-in, as late as it may begin. */
export function standBy(id: string | undefined): Decider {
  return {
    name: 'stand by',
    decide({ elapsed, remaining }, _world, menu) {
      const name: Backup | undefined = id === undefined ? undefined : `model:${id}`
      if (name === undefined || !menu.backups.includes(name)) return { ...menu, backups: ['none'] }
      const takes = spare * (prepare + model(id as string).device)
      return { ...menu, backups: [name], backupAfter: elapsed + Math.max(0, remaining - takes) }
    },
  }
}

export function always({ model: id, cut, standIn }: Always): Contender {
  const narrow: Decider = {
    name: 'always',
    decide: (_request, _world, menu) => ({ ...menu, models: [id], cuts: [cut] }),
  }
  return {
    name: nameOf({ model: id, cut, standIn }),
    begin: () => ({ name: 'static', device: [narrow, standBy(standIn)] }),
  }
}

export function nameOf({ model: id, cut, standIn }: Always): string {
  return `${id}, ${cut}${standIn === undefined ? '' : `, ${standIn} stands by`}`
}

/** A lot, even and the same every run (Weyl sequence). */
export function lots(seed: number): () => number {
  let state = (seed * 0.754877666) % 1
  return () => {
    state = (state + 0.618033988749895) % 1
    return state
  }
}

const only = (id: string): Decider => ({
  name: 'only',
  decide: (_request, _world, menu) => ({ ...menu, models: [id] }),
})

/** The published policies and ours, with the stand-in and the model that were chosen where they choose none themselves. */
export function contenders({
  model: id,
  standIn,
}: {
  readonly model: string
  readonly standIn: string | undefined
}): readonly Contender[] {
  return [
    { name: 'PieSlicer', begin: () => ({ name: 'PieSlicer', device: [only(id), place(), standBy(standIn)] }) },
    {
      name: 'MDInference',
      begin: (seed) => ({
        name: 'MDInference',
        device: [onDevice(), backup({ when: 'always', models })],
        cloud: [select({ models, budget: 'published', random: lots(seed) })],
      }),
    },
    {
      name: 'ModiPick',
      begin: (seed) => ({
        name: 'ModiPick',
        device: [onDevice(), standBy(standIn)],
        cloud: [select({ models, rule: 'modipick', budget: 'published', random: lots(seed) })],
      }),
    },
    {
      name: 'LayerCake',
      begin: () => ({
        name: 'LayerCake',
        device: [offload({ models, network: 'published', backup: 'at-budget', tryEvery: Number.POSITIVE_INFINITY })],
      }),
    },
    { name: 'offload', begin: () => ({ name: 'offload', device: [offload({ models })] }) },
    {
      name: 'place, select, backup',
      begin: (seed) => ({
        name: 'place, select, backup',
        device: [place(), backup({ models })],
        cloud: [select({ models, random: lots(seed) })],
      }),
    },
    {
      name: 'static in the cloud',
      begin: () => ({ name: 'static in the cloud', device: [only('nasnet-large'), inCloud(), standBy(standIn)] }),
    },
    { name: 'plan', begin: (seed) => ({ name: 'plan', device: [plan({ models, random: lots(seed) })] }) },
  ]
}
