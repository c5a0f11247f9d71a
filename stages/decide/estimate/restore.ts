import type { z } from 'zod'
import { BadConfiguration } from '../../../pipeline/index.ts'

/** Checks what `save` gave once. @throws BadConfiguration when it is something else */
export function restored<T>(schema: z.ZodType<T>, saved: unknown, whose: string): T {
  const checked = schema.safeParse(saved)
  if (checked.success) return checked.data
  const issue = checked.error.issues[0]
  throw new BadConfiguration(
    `What was saved of ${whose} is wrong at "${issue?.path.join('.')}": ${issue?.message}. Give back what save() gave, or start anew.`,
    { cause: checked.error },
  )
}
