import { allOnDevice, type Decider, fixed, inCloud, onDevice, type Weighed } from '../../../pipeline/index.ts'
import {
  alert,
  ans,
  backup,
  explore,
  type Models,
  maui,
  offload,
  place,
  plan,
  type SelectRule,
  select,
  split,
} from '../../../stages/index.ts'

export interface Known {
  readonly models: Models
  /** 0 ≤ x < 1. */
  readonly random: () => number
}

/** A decider as the properties of all deciders are told of it. */
export interface Case {
  readonly name: string
  make(known: Known): Decider
  /** What a choice must keep wherever any that was weighed keeps it, with so many ms left. */
  readonly keeps?: (weighed: Weighed, remaining: number) => boolean
  /** It says what it chooses whether or not that is on the menu: `fixed` does, as it stands for what a user wants. */
  readonly insists?: true
  /** Chooses by rule alone: nothing is predicted. */
  readonly foresees?: false
}

const never = { every: Number.POSITIVE_INFINITY }
const rules: readonly SelectRule[] = [
  'mdinference',
  'modipick',
  'static-greedy',
  'static-latency',
  'static-accuracy',
  'random',
  'related-random',
]

/** Every decider there is, with the options that change what it may choose. New ones are added here. */
export const everyDecider: readonly Case[] = [
  ...[inCloud, onDevice, allOnDevice].map((make): Case => {
    const { name } = make()
    return { name, make: () => make(), insists: true, foresees: false }
  }),
  { name: 'fixed', make: () => fixed({ model: 'small', encoding: 'webp' }), insists: true, foresees: false },
  { name: 'place', make: () => place() },
  ...rules.map(
    (rule): Case => ({ name: `select ${rule}`, make: ({ models, random }) => select({ models, rule, random }) }),
  ),
  {
    name: 'select within the deadline',
    make: ({ models, random }) => select({ models, random, gamma: 0, tryEvery: Number.POSITIVE_INFINITY }),
    keeps: ({ ms = Number.POSITIVE_INFINITY }, remaining) => ms <= remaining + 1e-6,
  },
  { name: 'backup pays', make: ({ models }) => backup({ models }) },
  { name: 'backup always', make: ({ models }) => backup({ models, when: 'always' }) },
  { name: 'split', make: ({ models }) => split({ models }) },
  { name: 'split energy', make: ({ models }) => split({ models, goal: 'energy' }) },
  {
    name: 'split heavy, three encodings',
    make: ({ models }) => split({ models, load: 'heavy', encodings: ['float32', 'float16', 'uint8'] }),
  },
  { name: 'offload', make: ({ models }) => offload({ models }) },
  {
    name: 'offload, least accuracy',
    make: ({ models }) => offload({ models, minAccuracy: 0.75 }),
    keeps: ({ accuracy = 0 }) => accuracy >= 0.75,
  },
  { name: 'ans', make: ({ models }) => ans({ models }) },
  { name: 'maui', make: ({ models }) => maui({ models }) },
  { name: 'maui energy', make: ({ models }) => maui({ models, goal: 'energy' }) },
  {
    name: 'alert, energy budget',
    make: ({ models }) => alert({ models, energyBudget: 200 }),
    keeps: ({ energy = 0 }) => energy <= 200,
  },
  {
    name: 'alert, accuracy goal',
    make: ({ models }) => alert({ models, goal: 'energy', accuracyGoal: 0.6 }),
    keeps: ({ accuracy = 0, onTime = 0 }) => accuracy * onTime >= 0.6,
  },
  { name: 'plan', make: ({ models, random }) => plan({ models, random }) },
  {
    name: 'plan, few bytes',
    make: ({ models, random }) => plan({ models, random, limits: { bytes: 30_000 }, tries: never, cascade: false }),
    keeps: ({ bytes = 0 }) => bytes <= 30_000,
  },
  { name: 'explore place', make: ({ random }) => explore(place(), { random, share: 0.5 }) },
  {
    name: 'explore plan',
    make: ({ models, random }) => explore(plan({ models, random }), { random, share: 0.5 }),
  },
]
