import { BadMessage } from '../errors.ts'

/*
 * A header's fields are optional to its reader, as a rule: those that it does not know it passes over. Of a field without
 * which the rest would be taken wrongly, the sender lists the name in `must` (as `crit` of RFC 7515 does): whoever does not
 * know it refuses the whole. A name is the way to the field, joined by dots; through lists it stands for every entry.
 */
const most = 16
const longest = 256

/**
 * Checks that all is known which the sender says must be.
 * @param sent what came · @param known what of it the reader knows
 * @throws BadMessage naming the field; retryable, as another node may know it
 */
export function assertUnderstood(sent: unknown, known: unknown): void {
  const must = (sent as { readonly must?: unknown } | null | undefined)?.must
  if (must === undefined) return
  const names = Array.isArray(must) && must.length <= most ? (must as readonly unknown[]) : [undefined]
  for (const name of names) {
    if (typeof name !== 'string' || name.length > longest) {
      throw new BadMessage(`"must" of what came is no list of at most ${most} names of fields. Send it again, whole.`)
    }
    const found = understood(sent, known, name.split('.'))
    if (found) continue
    throw new BadMessage(
      found === undefined
        ? `What came says that its field "${name}" must be understood, but has no such field. Send it again, whole.`
        : `What came says that its field "${name}" must be understood, and it is not known here. Upgrade this side, or have it sent without.`,
      { retryable: found === false },
    )
  }
}

/** Whether what was sent under a name is known wherever it stands; undefined where it stands nowhere. */
function understood(sent: unknown, known: unknown, path: readonly string[]): boolean | undefined {
  if (Array.isArray(sent)) {
    // A list in a list has no names; nobody's nesting leads deeper than a name has dots.
    const all = sent.map((one, at) =>
      Array.isArray(one) ? undefined : understood(one, (known as readonly unknown[] | undefined)?.[at], path),
    )
    return all.includes(false) ? false : all.includes(true) || undefined
  }
  const [name, ...rest] = path
  if (name === undefined) return known !== undefined
  if (typeof sent !== 'object' || sent === null || !Object.hasOwn(sent, name)) return undefined
  const inner = (known as Readonly<Record<string, unknown>> | undefined)?.[name]
  return understood((sent as Readonly<Record<string, unknown>>)[name], inner, rest)
}
