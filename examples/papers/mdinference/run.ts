import { type Duration, modelsOfFigures, replay, type ScenarioInput } from '../../../adapters/simulation/index.ts'
import { type Decider, inCloud } from '../../../pipeline/index.ts'
import { type SelectOptions, select } from '../../../stages/index.ts'
import { warmUp } from '../paper.ts'
import type { ZooModel } from './data.ts'

/** Which models there are, the way to them, and the deadline, ms. */
export interface Conditions {
  readonly pool: readonly ZooModel[]
  /** One way, ms. */
  readonly way: Duration
  readonly legs: 'one' | 'independent'
  readonly sla: number
}

/** What one seed gave, behind the warm-up; means per message. */
export interface Trial {
  /** Accuracy of the models that were chosen, late or not. */
  readonly accuracy: number
  /** Accuracy that counts: of the answers on time, 0 of the others. */
  readonly correctOnTime: number
  readonly attainment: number
  readonly latency: number
  /** ms of the cloud's processor. */
  readonly run: number
}

export type PolicyName =
  | 'MDInference'
  | 'ours'
  | 'ModiPick'
  | 'static greedy'
  | 'static latency'
  | 'static accuracy'
  | 'random'
  | 'related random'

/** MDInference as published, with our budget, ModiPick, and the baselines of both papers. */
export const policies: Readonly<Record<PolicyName, Pick<SelectOptions, 'rule' | 'budget'>>> = {
  MDInference: { rule: 'mdinference', budget: 'published' },
  ours: { rule: 'mdinference', budget: 'ours' },
  ModiPick: { rule: 'modipick', budget: 'published' },
  'static greedy': { rule: 'static-greedy', budget: 'published' },
  'static latency': { rule: 'static-latency', budget: 'published' },
  'static accuracy': { rule: 'static-accuracy', budget: 'published' },
  random: { rule: 'random', budget: 'published' },
  'related random': { rule: 'related-random', budget: 'published' },
}

/** The conditions as a scenario: pictures of one size, enough executors that nobody waits. */
export function scenarioOf({ pool, way, legs, sla }: Conditions): ScenarioInput {
  return {
    name: `SLA ${sla}`,
    deadline: sla,
    captures: { arrive: { kind: 'when-settled' }, bytes: { kind: 'constant', bytes: 50_000 } },
    link: { kind: 'times', up: way, down: way, legs },
    cloud: { models: modelsAs(pool) },
    accuracy: Object.fromEntries(pool.map(({ id, accuracy }) => [id, accuracy])),
  }
}

/** Times of a pool's models, each about its own mean. */
export function modelsAs(pool: readonly ZooModel[]): Record<string, Duration> {
  // One draw a message serves all models; its spread is the pool's typical one.
  const spreads = pool.map(({ mean, deviation }) => deviation / mean).sort((a, b) => a - b)
  const cv = spreads[spreads.length >> 1] ?? 0
  return Object.fromEntries(pool.map(({ id, mean }) => [id, { ms: mean, variation: { kind: 'normal', cv } }]))
}

/** Messages of one seed under one policy. */
export function trial(conditions: Conditions, name: PolicyName, seed: number, frames: number): Trial {
  const { pool } = conditions
  let state = seed
  const decider = select({
    ...policies[name],
    models: modelsOfFigures(pool),
    // A lot of its own, evenly spread and the same every run (Weyl sequence).
    random: () => {
      state = (state + 0.618033988749895) % 1
      return state
    },
  })
  return measured(scenarioOf(conditions), pool, [inCloud()], [decider], seed, frames)
}

/** Messages of one seed under these deciders. */
export function measured(
  scenario: ScenarioInput,
  pool: readonly ZooModel[],
  device: readonly Decider[],
  cloud: readonly Decider[],
  seed: number,
  frames: number,
): Trial {
  const accuracies = new Map(pool.map(({ id, accuracy }) => [id, accuracy]))
  const sum = { accuracy: 0, correctOnTime: 0, attainment: 0, latency: 0, run: 0 }
  replay(scenario, {
    policy: { name: 'select', device, cloud },
    seed,
    frames,
    onSettled({ seq, model = '', latency, onTime, run }) {
      if (seq < warmUp) return
      const accuracy = accuracies.get(model) as number
      sum.accuracy += accuracy
      sum.latency += latency
      sum.run += run
      if (!onTime) return
      sum.attainment++
      sum.correctOnTime += accuracy
    },
  })
  const count = frames - warmUp
  return {
    accuracy: sum.accuracy / count,
    correctOnTime: sum.correctOnTime / count,
    attainment: sum.attainment / count,
    latency: sum.latency / count,
    run: sum.run / count,
  }
}
