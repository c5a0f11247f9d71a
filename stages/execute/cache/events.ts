import type { RefusalReason } from './refused.ts'

/** Why a copy went: its room was wanted · an under-predicted load is made good · asked for · a newer version replaced it. */
export type EvictionReason = 'room' | 'debt' | 'asked' | 'replaced'

/** What happened in a cache. Models by name, sizes in bytes, durations in ms. */
export type CacheEvent =
  | {
      readonly type: 'loaded'
      readonly executor: string
      readonly model: string
      readonly key: string
      readonly ms: number
      readonly predictedBytes: number
      readonly residentBytes: number
      /** Requests that waited for it. */
      readonly waiters: number
    }
  /** `retryAfter`: ms until it is tried again on this executor. */
  | {
      readonly type: 'load-failed'
      readonly executor: string
      readonly model: string
      readonly key: string
      readonly error: unknown
      readonly retryAfter: number
    }
  | {
      readonly type: 'evicted'
      readonly executor: string
      readonly model: string
      readonly key: string
      readonly reason: EvictionReason
      /** Milliseconds since its last use, or its load. */
      readonly age: number
    }
  /** Its memory counts as used until the executor goes. */
  | {
      readonly type: 'unload-failed'
      readonly executor: string
      readonly model: string
      readonly key: string
      readonly error: unknown
    }
  /** A load took more than was reserved, and more than there was: so many bytes over the budget until they are repaid. */
  | { readonly type: 'debt'; readonly bytes: number }
  /** The host has not answered for longer than it may. */
  | { readonly type: 'overdue'; readonly executor: string; readonly model: string; readonly what: 'load' | 'unload' }
  /** Its policy or placement threw. It goes on after a pause; `final`: it loads nothing until it has rested. */
  | { readonly type: 'crashed'; readonly error: unknown; readonly final: boolean }
  /** It has rested, and loads again. */
  | { readonly type: 'rested' }
  | { readonly type: 'refused'; readonly model: string; readonly reason: RefusalReason }
  | { readonly type: 'alias-moved'; readonly alias: string; readonly from: string | undefined; readonly to: string }
