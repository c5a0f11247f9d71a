import {
  allOnDevice,
  BadConfiguration,
  type Decider,
  type Fixed,
  fixed,
  inCloud,
  onDevice,
} from '../../pipeline/index.ts'
import { alert, ans, backup, type Models, maui, offload, place, plan, select, split } from '../../stages/index.ts'

/** What a policy is made with beside its options. */
export interface PolicyContext {
  readonly models: Models | undefined
  /** 0 ≤ x < 1. */
  readonly random: () => number
}

type Options = Readonly<Record<string, unknown>>

/** Every decider that can be named, with what its options are in short. */
const policies: Readonly<Record<string, (options: Options, context: PolicyContext) => Decider>> = {
  'in-cloud': () => inCloud(),
  'on-device': ({ rule, encoding = rule }) => onDevice(encoding as string | undefined),
  'all-on-device': ({ rule, model = rule }) => allOnDevice(model as string | undefined),
  fixed: (options) => fixed(choice(options)),
  place: (options) => place(options),
  select: (options, context) => select({ ...withModels(options, context), random: context.random }),
  offload: (options, context) => offload(withModels(options, context)),
  split: (options, context) => split(withModels(options, context)),
  plan: (options, context) => plan(withModels(options, context)),
  backup: ({ rule, ...options }, context) =>
    backup(withModels({ ...(rule === undefined ? {} : { when: rule }), ...options }, context)),
  ans: (options, context) => ans(withModels(options, context)),
  alert: (options, context) => alert(withModels(options, context)),
  maui: (options, context) => maui(withModels(options, context)),
}

const withModels = (options: Options, { models }: PolicyContext): Options => (models ? { ...options, models } : options)

/** The names of all policies. */
export const policyNames: readonly string[] = Object.keys(policies)

/**
 * Reads a policy: a decider's name, `place`; with options, `place:{"tryEvery":50}`, `select:rule=modipick,gamma=2`; with
 * its main option alone, `select:modipick`; or several that are asked one after the other, `place+select`.
 * @returns the deciders, from left to right
 * @throws BadConfiguration no such policy, or a bad option
 */
export function policy(text: string, context: PolicyContext): Decider[] {
  return outside(text, '+').map((one) => {
    const [name = '', ...rest] = one.split(':')
    const make = Object.hasOwn(policies, name.trim()) ? policies[name.trim()] : undefined
    if (!make) throw new BadConfiguration(`There is no policy "${name}". Use one of: ${policyNames.join(', ')}.`)
    return make(optionsOf(rest.join(':').trim(), one), context)
  })
}

function optionsOf(text: string, whole: string): Options {
  if (text === '') return {}
  if (text.startsWith('{')) {
    try {
      return JSON.parse(text) as Options
    } catch (cause) {
      throw new BadConfiguration(`The options of "${whole}" are no JSON: ${(cause as Error).message}.`, { cause })
    }
  }
  if (!text.includes('=')) return { rule: text }
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new BadConfiguration(`"${pair}" in "${whole}" is no option. Write it as name=value.`)
      const value = pair.slice(at + 1).trim()
      return [pair.slice(0, at).trim(), value !== '' && Number.isFinite(Number(value)) ? Number(value) : value]
    }),
  )
}

/** Splits a text at a sign, but not within braces. */
function outside(text: string, sign: string): string[] {
  const parts = ['']
  let depth = 0
  for (const letter of text) {
    if (letter === '{') depth++
    if (letter === '}') depth--
    if (letter === sign && depth === 0) parts.push('')
    else parts[parts.length - 1] += letter
  }
  return parts
}

function choice(options: Options): Fixed {
  const known = ['model', 'cut', 'encoding']
  const wrong = Object.keys(options).find((name) => !known.includes(name))
  if (wrong !== undefined || Object.keys(options).length === 0) {
    throw new BadConfiguration(`A fixed policy names what it chooses, as fixed:model=ID,cut=captured,encoding=jpeg.`)
  }
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)])) as Fixed
}
