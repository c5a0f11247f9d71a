import { random } from '../../../adapters/simulation/index.ts'
import {
  ageing,
  belady,
  costBelady,
  costDirect,
  costIncrease,
  type EvictionPolicy,
  type Future,
  gdsf,
  hitDensity,
  lfu,
  lru,
} from '../../../stages/execute/cache/index.ts'

/** Who is compared. The oracles know when each model is asked for next. */
export const policies = {
  random: () => anyOrder(),
  lru: () => lru(),
  lfu: () => lfu(),
  gdsf: () => gdsf(),
  'cost-direct': () => costDirect(),
  'cost-increase': () => costIncrease(),
  ageing: () => ageing(),
  'hit-density': () => hitDensity(),
  belady,
  'cost-belady': costBelady,
} as const satisfies Readonly<Record<string, (next: Future) => EvictionPolicy>>

export type PolicyName = keyof typeof policies

/** Those that see requests alone, neither what a model costs nor how large it is. */
export const workloadOnly: readonly PolicyName[] = ['random', 'lru', 'lfu']

/** Whatever goes first is drawn. */
function anyOrder(): EvictionPolicy {
  const { uniform } = random(1, 'victims')
  return { name: 'random', worth: uniform }
}
