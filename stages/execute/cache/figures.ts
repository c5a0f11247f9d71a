import { quantileSorted } from 'simple-statistics'
import type { LoadCost } from './contract.ts'
import type { SettledSettings } from './options.ts'
import type { RefusalReason } from './refused.ts'
import type { Residents } from './residents.ts'
import type { CacheStatistics } from './statistics.ts'

/** A copy that is loaded again so soon after its eviction (ms) should have stayed. */
const reloadWithin = 60_000
/** Ages at eviction that are remembered. */
const ages = 256

/** Counts what the statistics are made of. */
export class Figures {
  requests = 0
  hits = 0
  cold = 0
  failed = 0
  givenUp = 0
  evictions = 0
  loadFailures = 0
  readonly #refused: Partial<Record<RefusalReason, number>> = {}
  #hitBytes = 0
  #coldBytes = 0
  #loads = 0
  #demandLoads = 0
  #reloads = 0
  #loadMs = 0
  #waitedMs = 0
  #heldMs = 0
  #sizeError = 0
  readonly #evictedAt = new Map<string, number>()
  readonly #ages: number[] = []

  hit(bytes: number): void {
    this.hits += 1
    this.#hitBytes += bytes
  }

  /** A lease after a load. */
  missed(bytes: number, waitedMs: number): void {
    this.cold += 1
    this.#coldBytes += bytes
    this.#waitedMs += waitedMs
  }

  held(ms: number): void {
    this.#heldMs += ms
  }

  refused(reason: RefusalReason): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1
  }

  /** @param waited whether a request waited for it */
  loaded(key: string, predictedBytes: number, { ms, residentBytes }: LoadCost, waited: boolean, now: number): void {
    this.#loads += 1
    this.#loadMs += ms
    if (waited) this.#demandLoads += 1
    if (residentBytes > 0) this.#sizeError += Math.abs(predictedBytes - residentBytes) / residentBytes
    const evicted = this.#evictedAt.get(key)
    if (evicted !== undefined && now - ms - evicted <= reloadWithin) this.#reloads += 1
    this.#evictedAt.delete(key)
  }

  /** Its last copy went. */
  evicted(key: string, age: number, now: number): void {
    this.#evictedAt.set(key, now)
    if (this.#ages.length >= ages) this.#ages.shift()
    this.#ages.push(age)
  }

  summary(settings: SettledSettings, residents: Residents, waiting: number): CacheStatistics {
    const sorted = [...this.#ages].sort((a, b) => a - b)
    const gigabyteSeconds = residents.byteMs / 1e12
    const leases = this.hits + this.cold
    const { price } = settings
    return {
      budget: settings.budget,
      usedBytes: residents.used,
      overheadBytes: residents.overhead,
      waiting,
      copies: Array.from(residents.all(), ({ model, executor, state, bytes, leases }) => ({
        model: model.name,
        key: model.key,
        executor,
        state,
        bytes,
        leases,
      })),
      requests: this.requests,
      hits: this.hits,
      cold: this.cold,
      refused: { ...this.#refused },
      failed: this.failed,
      givenUp: this.givenUp,
      loads: this.#loads,
      loadFailures: this.loadFailures,
      evictions: this.evictions,
      hitRatio: ratio(this.hits, leases),
      byteHitRatio: ratio(this.#hitBytes, this.#hitBytes + this.#coldBytes),
      coldLatencyShare: ratio(this.#waitedMs, this.#waitedMs + this.#heldMs),
      reloadWithin60s: ratio(this.#reloads, this.#loads),
      coalescing: ratio(this.cold, this.#demandLoads),
      sizeError: ratio(this.#sizeError, this.#loads),
      ageAtEviction:
        sorted.length === 0 ? undefined : { p50: quantileSorted(sorted, 0.5), p95: quantileSorted(sorted, 0.95) },
      gigabyteSeconds,
      costPer1000:
        price &&
        ratio(1_000 * (gigabyteSeconds * price.gigabyteSecond + (this.#loadMs / 1_000) * price.loadSecond), leases),
    }
  }
}

function ratio(part: number, whole: number): number | undefined {
  return whole > 0 ? part / whole : undefined
}
