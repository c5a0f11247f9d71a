import type { Side } from '../../pipeline/index.ts'
import type { AliasOptions, CacheEvent, CacheStatistics } from './cache/index.ts'
import type { PoolEvent, PoolStatistics } from './contract.ts'

/** The executors and the memory of one half of a pipeline, as they are now; plain values, that can be sent as JSON. */
export interface ExecuteStatistics {
  /** The half's name among all. */
  readonly node: string
  readonly side: Side
  readonly pool: PoolStatistics
  /** Undefined where memory is not bounded. */
  readonly cache: CacheStatistics | undefined
}

/** What happens in a half's pool and cache, and in which. */
export type ExecuteEvent = (PoolEvent | CacheEvent) & { readonly node: string; readonly side: Side }

/** A half that has executors, or will have them. */
export interface Half {
  /** Undefined while it has no executors. */
  statistics(): ExecuteStatistics | undefined
  /** @throws BadConfiguration · UnknownModel · LeaseRefused · ModelLoadFailed · DeadlineExceeded */
  rollOut(name: string, to: string, options?: AliasOptions): Promise<void>
}

/** The halves of one `execute()` that run in this process: in `run()` both, else the device's or the cloud's, or several nodes. */
export class Halves {
  readonly #halves = new Set<Half>()

  /** @returns takes it away */
  add(half: Half): () => void {
    this.#halves.add(half)
    return () => void this.#halves.delete(half)
  }

  statistics(): readonly ExecuteStatistics[] {
    return [...this.#halves].flatMap((half) => half.statistics() ?? [])
  }

  /** All at once; the first that cannot says why. */
  async rollOut(name: string, to: string, options?: AliasOptions): Promise<void> {
    await Promise.all([...this.#halves].map((half) => half.rollOut(name, to, options)))
  }
}
