import { BadConfiguration } from '../../pipeline/index.ts'
import type { Models } from './models.ts'

/**
 * Checks that one model can answer in the place of another: what is prepared for that fits it, too.
 * @throws BadConfiguration it takes another input · UnknownModel
 */
export function assertAlike(models: Models, from: string, to: string): void {
  const [one, other] = [models.entry(from).input, models.entry(to).input]
  if (JSON.stringify(one) === JSON.stringify(other)) return
  throw new BadConfiguration(
    `"${to}" takes another input than "${from}", and what comes is prepared for that. Give it a name of its own.`,
  )
}
