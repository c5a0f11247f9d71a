import type { Menu, Plan } from '../../pipeline/index.ts'

/** The fields of a plan that a menu has lists for, and the lists. */
export const choiceFields = [
  ['model', 'models'],
  ['cut', 'cuts'],
  ['encoding', 'encodings'],
  ['target', 'targets'],
  ['backup', 'backups'],
] as const

/** A field of a plan that deciders choose. */
export type ChoiceField = (typeof choiceFields)[number][0]

/** What a decider chose, by what it left of a menu: the fields of which it left one, but for those it did not touch. */
export function choiceOf(before: Menu, after: Menu): Plan {
  const choice: Record<string, string> = {}
  for (const [field, list] of choiceFields) {
    const left = after[list]
    if (left !== before[list] && left.length === 1) choice[field] = left[0] as string
  }
  return choice as Plan
}

/** Whether two choices name the same wherever both name something. */
export function compatible(one: Plan, other: Plan): boolean {
  for (const [field] of choiceFields) {
    const [a, b] = [one[field], other[field]]
    if (a !== undefined && b !== undefined && a !== b) return false
  }
  return true
}
