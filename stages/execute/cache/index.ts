export { type ModelCacheOptions, modelCache } from './cache.ts'
export type {
  AliasOptions,
  CacheHost,
  Lease,
  LeaseOptions,
  LoadCost,
  ModelCache,
  NamedUse,
  PinOptions,
  Wanted,
} from './contract.ts'
export type { CacheEvent, EvictionReason } from './events.ts'
export { cachePrice } from './options.ts'
export { type LoadCandidate, leastLeased, type PlaceLoad } from './place.ts'
export {
  ageing,
  belady,
  type CremeBruleeOptions,
  costBelady,
  costDirect,
  costIncrease,
  type EvictionPolicy,
  type Future,
  gdsf,
  hitDensity,
  lfu,
  lru,
} from './policies/index.ts'
export { LeaseRefused, type RefusalReason } from './refused.ts'
export type { CacheStatistics, CopyStatistics } from './statistics.ts'
export { type ModelUse, UseRecord } from './use.ts'
export { chooseVictims, type Evictable } from './victims.ts'
