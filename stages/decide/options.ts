import type { z } from 'zod'
import { BadConfiguration } from '../../pipeline/index.ts'

/** Options that are plain values, with their defaults. @throws BadConfiguration naming the one that is wrong */
export function settled<T extends z.ZodType>(schema: T, options: unknown, decider: string): z.output<T> {
  const checked = schema.safeParse(options)
  if (checked.success) return checked.data
  const issue = checked.error.issues[0]
  throw new BadConfiguration(`Option "${issue?.path.join('.')}" of ${decider}(): ${issue?.message}.`, {
    cause: checked.error,
  })
}
