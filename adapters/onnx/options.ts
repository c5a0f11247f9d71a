import { z } from 'zod'
import { BadConfiguration } from '../../pipeline/index.ts'

const positive = z.number('give a number').positive('give a number above 0').optional()
const known = z.looseObject({
  startWithin: positive,
  largest: positive,
  threads: z.number('give a whole number').int('give a whole number').min(1, 'give at least 1').optional(),
})

/** @throws BadConfiguration naming the option that is not a number it can be */
export function checkExecutorOptions(where: string, options: z.input<typeof known>): void {
  const issue = known.safeParse(options).error?.issues[0]
  if (issue === undefined) return
  throw new BadConfiguration(`Option "${issue.path.join('.')}" of ${where}: ${issue.message}.`)
}
