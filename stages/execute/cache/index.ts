export type {
  AliasOptions,
  CacheHost,
  Lease,
  LeaseOptions,
  LoadCost,
  ModelCache,
  PinOptions,
  Wanted,
} from './contract.ts'
export type { CacheEvent, EvictionReason } from './events.ts'
export { LeaseRefused, type RefusalReason } from './refused.ts'
export type { CacheStatistics, CopyStatistics } from './statistics.ts'
