export { type BackupOptions, backup } from './backup.ts'
export {
  CloudTime,
  LinkEstimate,
  type LinkEstimateOptions,
  OnTime,
  type OnTimeOptions,
  PreparingTime,
  Profile,
  type ProfileOptions,
  Regression,
  type RegressionOptions,
  type Resource,
  Samples,
  Slowdown,
  type SlowdownOptions,
  Slowdowns,
} from './estimate/index.ts'
export { type Place, type PlaceOptions, place } from './place.ts'
export type { SelectRule } from './rules.ts'
export { type Expected, type Select, type SelectOptions, select } from './select.ts'
