import type { Models } from '../../../../adapters/node/index.ts'
import {
  type Cut,
  type Decider,
  layerOf,
  type Menu,
  type Outcome,
  type Plan,
  type Timings,
  World,
} from '../../../../pipeline/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { modelSet, normal, outcome, request } from '../support.ts'

/** What is true of a world that a planner has to find out. */
export interface Truth {
  /** Milliseconds per reference millisecond of a model. */
  readonly device: number
  readonly cloud: number
  /** Link: milliseconds there and back, and per byte. */
  readonly base: number
  readonly byte: number
  /** Milliseconds per megabyte of picture. */
  readonly preparing: { readonly device: number; readonly cloud: number }
  /** Bytes of a prepared picture by encoding. */
  readonly prepared: Readonly<Record<string, number>>
  /** Relative standard deviation of every time. */
  readonly noise: number
  readonly node: string
  readonly answers: boolean
}

export const usual: Truth = {
  device: 2,
  cloud: 0.2,
  base: 30,
  byte: 0.0008,
  preparing: { device: 40, cloud: 10 },
  prepared: { jpeg: 20_000, webp: 15_000, raw: 150_528, tensor: 602_112 },
  noise: 0.1,
  node: 'edge',
  answers: true,
}

/** Four models of rising accuracy and time; all but the first can be cut behind two layers. */
export function zoo(): Models {
  const models = modelSet([
    { id: 'tiny', accuracy: 0.55, latencyMs: 10, side: 224 },
    { id: 'small', accuracy: 0.7, latencyMs: 30, side: 224 },
    { id: 'medium', accuracy: 0.8, latencyMs: 80, side: 224 },
    { id: 'large', accuracy: 0.9, latencyMs: 250, side: 224 },
  ])
  const cuts = [
    { layer: 'early', bytes: 200_000, share: 0.3 },
    { layer: 'late', bytes: 8000, share: 0.8 },
  ]
  return {
    ...models,
    entry: (id) => (id === 'tiny' ? models.entry(id) : { ...models.entry(id), cuts }),
    cuts: (id) => (id === 'tiny' ? [] : cuts.map(({ layer }): Cut => `after:${layer}`)),
  }
}

export const everything: Menu = {
  models: ['tiny', 'small', 'medium', 'large'],
  cuts: ['captured', 'prepared', 'after:*', 'answered'],
  encodings: ['jpeg', 'webp', 'raw', 'tensor'],
  targets: ['any'],
  backups: ['none'],
}

/** What became of one message. */
export interface Happened {
  readonly plan: Plan
  readonly onTime: boolean
  readonly ms: number
  readonly bytes: number
}

/** Messages through a world that behaves as `truth` says, on a clock of its own. */
export class Environment {
  readonly models = zoo()
  /** Local clock, ms. Nothing waits for it. */
  now = 0
  readonly world = new World({ now: () => this.now, after: () => ({ cancel() {} }) })
  readonly random: () => number
  truth: Truth
  #count = 0

  constructor(truth: Truth = usual, seed = 1) {
    this.truth = truth
    this.random = seededRandom(seed)
  }

  /** Steps of a plan in milliseconds, without noise. */
  steps(
    plan: Plan,
    captured: number,
  ): { device: number; transfer: number; cloud: number; head: number; tail: number; bytes: number } {
    const { device, cloud, base, byte, preparing, prepared } = this.truth
    const none = { device: 0, transfer: 0, cloud: 0, head: 0, tail: 0, bytes: 0 }
    if (plan.model === undefined || plan.model === '@last') return none
    const { latencyMs = 0, cuts = [] } = this.models.entry(plan.model)
    const here = (preparing.device * captured) / 1e6
    const cut = plan.cut ?? 'captured'
    if (cut === 'answered') return { ...none, device: here, head: latencyMs * device }
    const layer = cuts.find(({ layer }) => layer === layerOf(cut))
    const bytes = cut === 'captured' ? captured : layer ? layer.bytes : (prepared[plan.encoding ?? 'jpeg'] ?? 0)
    const share = layer?.share ?? 0
    return {
      device: cut === 'captured' ? 0 : here,
      transfer: base + byte * bytes,
      cloud: cut === 'captured' ? (preparing.cloud * captured) / 1e6 : 0,
      head: share * latencyMs * device,
      tail: (1 - share) * latencyMs * cloud,
      bytes,
    }
  }

  /** Milliseconds a plan is expected to take. */
  expected(plan: Plan, captured: number): number {
    const { device, transfer, cloud, head, tail } = this.steps(plan, captured)
    return device + transfer + cloud + head + tail
  }

  /** One message, from capture to what the decider learns of it; `gap` ms later the next may come. */
  message(
    decider: Decider,
    { menu = everything, bytes = 500_000, deadline = 300, gap = 5, label = 'a' } = {},
  ): Happened {
    const id = `m${this.#count++}`
    const { now } = this
    const asked = request({ id, now, bytes, deadline, remaining: deadline })
    const after = decider.decide(asked, this.world, menu)
    const plan = planOf(after)
    const steps = this.steps(plan, bytes)
    const noisy = (ms: number) => (ms === 0 ? 0 : ms * Math.max(0.3, normal(this.random, 1, this.truth.noise)))
    const [device, transfer, cloud, head, tail] = [
      steps.device,
      steps.transfer,
      steps.cloud,
      steps.head,
      steps.tail,
    ].map(noisy) as [number, number, number, number, number]
    const crosses = steps.bytes > 0
    const lost = crosses && !this.truth.answers
    const total = lost ? Number.POSITIVE_INFINITY : device + transfer + cloud + head + tail
    const onTime = total <= deadline
    const took = Math.min(total, deadline)
    this.now += took
    const timings: Timings = {
      ...(device > 0 ? { device } : {}),
      ...(crosses ? { transfer, cloud } : {}),
      ...(crosses && head > 0 ? { head } : {}),
      execute: head + tail,
    }
    const change = { id, now: this.now, bytes, latency: took, onTime }
    const failed = { ...change, kind: 'failure' as const, error: 'deadline-exceeded' }
    const crossing = {
      at: plan.cut as Cut,
      encoding: plan.encoding ?? 'jpeg',
      bytes: steps.bytes,
      node: this.truth.node,
    }
    const score = 0.8
    const happened: Outcome = onTime
      ? outcome(plan, timings, { ...change, score, label, ...(crosses ? { crossing } : {}) })
      : outcome(plan, { ...(device > 0 ? { device } : {}), ...(crosses ? { execute: head } : {}) }, failed)
    if (onTime && crosses)
      this.world.set('cloud', { node: this.truth.node, pending: 0, capacity: 8, slowdown: 1 }, 'test')
    decider.observe?.(happened, this.world)
    this.now += gap
    return { plan, onTime, ms: took, bytes: steps.bytes }
  }

  /** What a probe of the link tells: a round trip, and a larger one behind it. */
  probe(decider: Decider): void {
    const { base, byte, node } = this.truth
    this.world.set('cloud', { node, pending: 0, capacity: 8, slowdown: 1 }, 'probe')
    for (const bytes of [100, 32_768])
      decider.probed?.({ node, bytes, ms: base + byte * bytes, answered: true, now: this.now }, this.world)
  }
}

/** The plan that a menu with one choice left in each field is. */
export function planOf({ models, cuts, encodings, targets, backups, backupAfter, accept }: Menu): Plan {
  const only = <T>(list: readonly T[]) => (list.length === 1 ? list[0] : undefined)
  return {
    model: only(models) as string,
    cut: only(cuts) as Cut,
    ...(encodings.length === 1 ? { encoding: encodings[0] as string } : {}),
    target: only(targets) as 'any',
    backup: only(backups) as 'none',
    ...(backupAfter === undefined ? {} : { backupAfter }),
    ...(accept === undefined ? {} : { accept }),
  }
}
