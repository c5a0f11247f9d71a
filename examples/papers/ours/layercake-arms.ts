import type { Backup, Cut, Decider, Menu } from '../../../pipeline/index.ts'
import { type Conditions, variant, variants } from '../layercake/index.ts'

/** What can be done with a request. */
export interface Arm {
  readonly model: string
  readonly cut: Cut
  /** The model that stands in; undefined: none does. */
  readonly standIn: string | undefined
}

/** A stand-in begins so much sooner than it is expected to be needed. */
export const spare = 1.3

/** Everything that can be done always. */
export const arms = (standIns: readonly string[]): readonly Arm[] =>
  variants.flatMap(({ id }) => [
    { model: id, cut: 'answered' as const, standIn: undefined },
    ...[undefined, ...standIns].map((standIn) => ({ model: id, cut: 'captured' as const, standIn })),
  ])

/** Always the same, its stand-in as late as it may begin. */
export function always(name: string, { model, cut, standIn }: Arm, conditions: Conditions): Decider {
  const latest = standsBy(standIn, conditions)
  return {
    name,
    decide: (request, world, menu) => latest.decide(request, world, { ...menu, models: [model], cuts: [cut] }),
  }
}

/** Always the same stand-in for whatever crosses, as late as it may begin. */
export function standsBy(standIn: string | undefined, { device, deviceLoad }: Conditions): Decider {
  const takes = standIn === undefined ? 0 : spare * variant(standIn).run * device + variant(standIn).load * deviceLoad
  return {
    name: 'stand by',
    decide({ elapsed, remaining }, _world, menu) {
      const crosses = menu.cuts.includes('captured')
      return backedBy(menu, crosses ? standIn : undefined, elapsed + Math.max(0, remaining - takes))
    },
  }
}

/** The menu with this arm alone. @param backupAfter ms from capture at which its stand-in begins */
export function menuOf(menu: Menu, { model, cut, standIn }: Arm, backupAfter: number): Menu {
  return backedBy({ ...menu, models: [model], cuts: [cut] }, standIn, backupAfter)
}

function backedBy(menu: Menu, standIn: string | undefined, backupAfter: number): Menu {
  const backup: Backup | undefined = standIn === undefined ? undefined : `model:${standIn}`
  return backup === undefined ? { ...menu, backups: ['none'] } : { ...menu, backups: [backup], backupAfter }
}
