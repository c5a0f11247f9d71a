import type { Backup, Cut, Menu, Side } from '../../pipeline/index.ts'
import type { Scenario } from './scenario.ts'

/** What there is to choose from on either side of a scenario. */
export function menusOf({ device, cloud, cuts: parted }: Scenario): Readonly<Record<Side, Menu>> {
  const above = Object.keys(device.models)
  const below = Object.keys(cloud.models)
  const layers = new Set(Object.values(parted).flatMap((of) => of.map(({ layer }): Cut => `after:${layer}`)))
  const cuts: readonly Cut[] = ['captured', 'prepared', ...layers, ...(above.length > 0 ? (['answered'] as const) : [])]
  const rest = { encodings: layers.size > 0 ? ['jpeg', 'float32'] : ['jpeg'], targets: ['any'] } as const
  const backups: readonly Backup[] = ['none', ...device.backups.map((model): Backup => `model:${model}`)]
  const all = below.length > 0 ? [...new Set([...below, ...above])] : above
  return {
    device: { models: all, cuts, backups, ...rest },
    cloud: { models: below, cuts: ['answered'], backups: ['none'], ...rest },
  }
}
