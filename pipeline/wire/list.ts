import { z } from 'zod'

/** What a list was made of. */
export interface ListKind {
  readonly entry: z.ZodType
  readonly most: number
  readonly least: number
}

const kinds = new WeakMap<z.core.$ZodType, ListKind>()

/** What a schema that `listOf` made is made of; undefined for others. */
export const listKind = (schema: z.core.$ZodType): ListKind | undefined => kinds.get(schema)

/**
 * The schema of a list off the wire: it ends at the first entry that is wrong. (A plain array of zod's looks at all of them,
 * and describes each that is wrong, which is work that its sender chooses.)
 */
export function listOf<T>(entry: z.ZodType<T>, most: number, least = 0) {
  const schema = z.unknown().transform((value, context): T[] => {
    if (!Array.isArray(value) || value.length > most || value.length < least) {
      const found = Array.isArray(value) ? `one of ${value.length}` : typeof value
      context.addIssue({ code: 'custom', message: `expected a list of ${least} to ${most}, found ${found}` })
      return z.NEVER
    }
    const list: T[] = []
    for (let at = 0; at < value.length; at++) {
      const checked = entry.safeParse(value[at])
      if (!checked.success) {
        const [issue] = checked.error.issues
        context.addIssue({ code: 'custom', message: issue?.message ?? 'wrong', path: [at, ...(issue?.path ?? [])] })
        return z.NEVER
      }
      list.push(checked.data)
    }
    return list
  })
  kinds.set(schema, { entry, most, least })
  return schema
}
