export { type Estimate, type Estimates, type Metric, metrics } from './estimate.ts'
export type { ReplayedArm, ReplayedPolicy } from './policy.ts'
export { Replay, type ReplayOptions, type ReplayReport, replay } from './replay.ts'
