import { z } from 'zod'
import { BadConfiguration } from './errors.ts'

/**
 * Options with their defaults filled in, by a strict schema: an option that there is not is refused by its name, with the
 * nearest that there is; so are values that are none.
 * @param owner whose options they are, as people write it: `execute()`
 * @param at what they are within the owner's options, where they are part of them: `cluster`
 * @throws BadConfiguration
 */
export function readOptions<T extends z.ZodType>(schema: T, given: unknown, owner: string, at = ''): z.output<T> {
  const checked = schema.safeParse(given, { reportInput: true })
  if (checked.success) return checked.data
  throw new BadConfiguration(inWords(deepest(checked.error.issues), schema, owner, at), { cause: checked.error })
}

/** A value that no schema can look into: an object or function that somebody else made. */
export function made<T>(what: string): z.ZodType<T, T> {
  return z.custom<T>(
    (value) => (typeof value === 'object' && value !== null) || typeof value === 'function',
    `give ${what}`,
  )
}

type Issue = z.core.$ZodIssue

/** The issue to tell: of a choice of schemas the one that the value came nearest to. */
function deepest(issues: readonly Issue[]): Issue {
  // An option that is missing and one that there is not are most often one that was misspelt.
  const first = issues.find(({ code }) => code === 'unrecognized_keys') ?? (issues[0] as Issue)
  if (first.code !== 'invalid_union') return first
  const inner = first.errors.filter((each) => each.length > 0).map((each) => deepest(each))
  const depth = (issue: Issue) => issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0)
  const best = inner.reduce<Issue | undefined>(
    (one, other) => (one && depth(one) >= depth(other) ? one : other),
    undefined,
  )
  if (!best || depth(best) === 0) {
    const values = inner.flatMap((issue) => (issue.code === 'invalid_value' ? issue.values : []))
    return values.length > 0 ? { ...first, code: 'invalid_value', values, message: first.message } : first
  }
  return { ...best, path: [...first.path, ...best.path] }
}

function inWords(issue: Issue, schema: z.ZodType, owner: string, at: string): string {
  const path = [...(at === '' ? [] : [at]), ...issue.path.map(String)].join('.')
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    const within = path === '' ? owner : `"${path}" of ${owner}`
    const known = keysOf(schema, issue.path)
    const near = nearest(key, known)
    const next = near
      ? `Did you mean "${near}"?`
      : known.length > 0
        ? `There are ${known.join(', ')}.`
        : 'Leave it out.'
    return `There is no option "${key}" in ${within}. ${next}`
  }
  if (path === '') return `The options of ${owner} are none: ${issue.message}.`
  const near =
    issue.code === 'invalid_value' && typeof issue.input === 'string'
      ? nearest(issue.input, issue.values.map(String))
      : undefined
  return `Option "${path}" of ${owner}: ${issue.message}.${near ? ` Did you mean "${near}"?` : ''}`
}

/** What may stand where an issue is; nothing where that cannot be told. */
function keysOf(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  // Defaults, refinements and the like stand around the schema that has the keys.
  let inner = schema as { readonly shape?: Record<string, unknown>; readonly def?: Record<string, unknown> } | undefined
  while (inner?.def && inner.shape === undefined) {
    const { innerType, in: piped, options } = inner.def
    if (Array.isArray(options)) {
      return options.map((option) => keysOf(option, path)).find((keys) => keys.length > 0) ?? []
    }
    if (innerType === undefined && piped === undefined) break
    inner = (innerType ?? piped) as typeof inner
  }
  const [first, ...rest] = path
  if (inner?.shape === undefined) return []
  return first === undefined ? Object.keys(inner.shape) : keysOf(inner.shape[String(first)], rest)
}

/** The one of these names that was likely meant; undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(1, Math.floor(Math.max(name.length, 4) / 3)) + 1
  for (const one of known) {
    const distance = edits(name.toLowerCase(), one.toLowerCase())
    if (distance < least) [best, least] = [one, distance]
  }
  return best
}

/** Letters to be put in, left out, exchanged, or swapped with the next (Damerau, 1964) to make one word of another. */
function edits(one: string, other: string): number {
  let before: number[] = []
  let above = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const differ = one[i - 1] === other[j - 1] ? 0 : 1
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + differ)
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      }
      row.push(least)
    }
    before = above
    above = row
  }
  return above[other.length] ?? 0
}
