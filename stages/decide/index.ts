export { type BackupOptions, backup } from './backup.ts'
export {
  type AlertOptions,
  type AnsOptions,
  alert,
  ans,
  type ChainLayer,
  type LayerKind,
  type Layers,
  layersOf,
  type MauiOptions,
  maui,
} from './baselines/index.ts'
export { type Chain, chain } from './chain.ts'
export {
  CloudTime,
  Contention,
  CutCosts,
  type CutPoint,
  cutCosts,
  EnergyModel,
  type EnergyOptions,
  LinkEstimate,
  type LinkEstimateOptions,
  LoadEstimate,
  type LoadEstimateOptions,
  OnTime,
  type OnTimeOptions,
  PreparingTime,
  Profile,
  type ProfileOptions,
  type Radio,
  type RadioName,
  Regression,
  type RegressionOptions,
  type Resource,
  RunTimes,
  radios,
  Samples,
  Slowdown,
  type SlowdownOptions,
  Slowdowns,
  type Spending,
} from './estimate/index.ts'
export { type ExploreOptions, explore } from './explore.ts'
export {
  type DecisionSink,
  type LogEntry,
  type LoggedDecision,
  type LoggedFact,
  type LoggedOptions,
  type LoggedOutcome,
  type LoggedProbe,
  type LoggedWorld,
  type LostEntries,
  logged,
  logVersion,
  parseEntry,
} from './log/index.ts'
export { type Offload, type OffloadOptions, type OffloadStatistics, offload } from './offload/index.ts'
export { type FrontWeights, type Objectives, paretoFront } from './pareto.ts'
export { type Place, type PlaceOptions, place } from './place.ts'
export { type FrontPoint, type Planner, type PlannerOptions, plan } from './plan/index.ts'
export {
  type Estimate,
  type Estimates,
  type Metric,
  metrics,
  Replay,
  type ReplayedArm,
  type ReplayedPolicy,
  type ReplayOptions,
  type ReplayReport,
  replay,
} from './replay/index.ts'
export type { SelectRule } from './rules.ts'
export { type Expected, type Select, type SelectOptions, select } from './select.ts'
export { type Shadow, type ShadowStatistics, shadow } from './shadow.ts'
export {
  bottleneck,
  type Conditions,
  type Cost,
  costAt,
  energy,
  latency,
  type Objective,
  plain,
  type Split,
  type SplitOptions,
  split,
  type Writing,
} from './split/index.ts'
