import type { z } from 'zod'
import { BadConfiguration, type Versioned, versioned } from '../../../pipeline/index.ts'

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

/**
 * The form in which a decider saves what it has learned. What it is made of (`restored`) has no version of its own: a change
 * of that is a new version of every decider that saves it.
 * @param whose as it is called: `place()`
 */
export function learned<S extends z.ZodObject>(whose: string, version: number, schema: S): Versioned<z.output<S>> {
  return versioned({
    what: `what ${whose} has learned`,
    version,
    schema,
    remedy: 'Give back what save() gave in this release, or start anew.',
  })
}

/** What was saved of a decider, as a sentence begins with it. */
export const savedOf = (whose: string): string => `What was saved of ${whose}`
