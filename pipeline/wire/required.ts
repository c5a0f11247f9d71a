import { BadMessage } from '../errors.ts'

/*
 * A header's fields are optional to its reader, as a rule: those that it does not know it passes over. Of a field without
 * which the rest would be taken wrongly, the sender lists the name in `must` (as `crit` of RFC 7515 does): whoever does not
 * know it refuses the whole. A name is the way to the field, joined by dots; through lists it stands for every entry.
 */
const most = 16
const longest = 256
/** Places that are looked at for all names together. */
const mostLooked = 2048

/**
 * Checks that all is known which the sender says must be.
 * @param sent what came · @param known what of it the reader knows
 * @throws BadMessage naming the field; retryable, as another node may know it
 */
export function assertUnderstood(sent: unknown, known: unknown): void {
  const must = (sent as { readonly must?: unknown } | null | undefined)?.must
  if (must === undefined) return
  const names = Array.isArray(must) && must.length <= most ? (must as readonly unknown[]) : [undefined]
  const looked = { left: mostLooked }
  for (const name of names) {
    if (typeof name !== 'string' || name.length > longest) {
      throw new BadMessage(`"must" of what came is no list of at most ${most} names of fields. Send it again, whole.`)
    }
    const found = understood(sent, known, name.split('.'), 0, looked)
    if (looked.left < 0) throw tooMuch()
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
function understood(
  sent: unknown,
  known: unknown,
  path: readonly string[],
  depth: number,
  looked: { left: number },
): boolean | undefined {
  if (--looked.left < 0) return undefined
  if (Array.isArray(sent)) {
    let found: boolean | undefined
    for (let at = 0; at < sent.length && looked.left >= 0; at++) {
      // A list in a list has no names; nobody's nesting leads deeper than a name has dots.
      if (Array.isArray(sent[at])) continue
      const one = understood(sent[at], (known as readonly unknown[] | undefined)?.[at], path, depth, looked)
      if (one === false) return false
      found ||= one
    }
    return found
  }
  const name = path[depth]
  if (name === undefined) return known !== undefined
  if (typeof sent !== 'object' || sent === null || !Object.hasOwn(sent, name)) return undefined
  const inner = (known as Readonly<Record<string, unknown>> | undefined)?.[name]
  return understood((sent as Readonly<Record<string, unknown>>)[name], inner, path, depth + 1, looked)
}

function tooMuch(): BadMessage {
  return new BadMessage(
    `"must" of what came names fields that stand in more than ${mostLooked} places. Send it again, with fewer.`,
  )
}
