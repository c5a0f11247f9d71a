import { type Decider, fixed, type Models, plan } from '../../adapters/node/index.ts'
import type { EnergyOptions } from '../../stages/index.ts'

/** Who decides for one of the phones. */
export interface Policy {
  readonly name: string
  /** For people: what it does with every frame. */
  readonly does: string
  /** Decides for each frame; the others do the same with all of them. */
  readonly decides: boolean
  decider(): Decider
}

/** The deciders, and every fixed policy that somebody might have chosen in their place. */
export function policies(models: Models, energy: EnergyOptions): readonly Policy[] {
  const most = models.ids.reduce((best, id) => (models.entry(id).accuracy > models.entry(best).accuracy ? id : best))
  const always = (name: string, does: string, choice: Parameters<typeof fixed>[0]): Policy => ({
    name,
    does,
    decides: false,
    decider: () => fixed(choice, name),
  })
  const onPhone = ['nano', 'small', 'medium'].filter((id) => models.ids.includes(id))
  return [
    {
      name: 'deciders',
      does: 'plan(): model, place, encoding and backup for every frame anew',
      decides: true,
      decider: () => plan({ energy }),
    },
    always('in-cloud', `the captured picture to the cloud, ${most} answers`, {
      cut: 'captured',
      model: most,
      encoding: 'original',
    }),
    always('on-device', `prepared on the phone, ${most} answers in the cloud`, {
      cut: 'prepared',
      model: most,
      encoding: 'jpeg',
    }),
    ...onPhone.map((model) =>
      always(`phone ${model}`, `all on the phone, ${model} answers`, { cut: 'answered', model }),
    ),
  ]
}
