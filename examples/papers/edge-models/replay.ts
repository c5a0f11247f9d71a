import type { EvictionPolicy, Future } from '../../../stages/execute/cache/index.ts'
import { chooseVictims, UseRecord } from '../../../stages/execute/cache/index.ts'
import type { ReplayModel, Requests } from './workload.ts'

export interface Replayed {
  /** Milliseconds that a request waits for a load, on average. */
  readonly meanDelay: number
  readonly missRate: number
}

/**
 * Plays requests against one memory, with the cache's own records of use, policies and choice of victims. A miss waits
 * for the model's load time; whoever asks meanwhile waits for the rest of it. Room is made at once.
 */
export function replay(
  { at, model: asked }: Requests,
  models: readonly ReplayModel[],
  budget: number,
  policyOf: (next: Future) => EvictionPolicy,
): Replayed {
  const following = nextUses(asked, models.length)
  const nextOf = new Float64Array(models.length).fill(Number.POSITIVE_INFINITY)
  const policy = policyOf((key) => nextOf[Number(key)] ?? Number.POSITIVE_INFINITY)
  const uses = models.map(({ bytes, loadMs, runMs }, index) => {
    const use = new UseRecord(String(index), bytes, loadMs, 0)
    use.runMs = runMs
    return use
  })
  const ready = new Float64Array(models.length)
  const resident = new Set<UseRecord>()
  let used = 0
  let delay = 0
  let misses = 0
  for (let index = 0; index < at.length; index++) {
    const now = at[index] as number
    const use = uses[asked[index] as number] as UseRecord
    const next = following[index] as number
    nextOf[asked[index] as number] = next < at.length ? (at[next] as number) : Number.POSITIVE_INFINITY
    use.used(now)
    if (!resident.has(use)) {
      misses += 1
      const needed = used + use.bytes - budget
      const victims =
        needed > 0 ? chooseVictims([...resident], needed, (each) => policy.worth(each, now), policy.additive) : []
      for (const victim of victims ?? []) {
        resident.delete(victim)
        used -= victim.bytes
        policy.evicted?.(victim, now)
        victim.evicted()
      }
      if (victims !== undefined) {
        resident.add(use)
        used += use.bytes
      }
      ready[asked[index] as number] = now + use.loadMs
    }
    policy.used?.(use, now)
    delay += Math.max(0, (ready[asked[index] as number] as number) - now)
  }
  return { meanDelay: delay / at.length, missRate: misses / at.length }
}

/** For each request the place of the next one for the same model; the number of requests when there is none. */
export function nextUses(asked: Uint16Array, models: number): Uint32Array {
  const next = new Uint32Array(asked.length)
  const last = new Uint32Array(models).fill(asked.length)
  for (let index = asked.length - 1; index >= 0; index--) {
    const model = asked[index] as number
    next[index] = last[model] as number
    last[model] = index
  }
  return next
}
