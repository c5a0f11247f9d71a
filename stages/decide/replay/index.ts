export { type Estimate, type Estimates, type Metric, metrics } from './estimate.ts'
export {
  Replay,
  type ReplayedArm,
  type ReplayedPolicy,
  type ReplayOptions,
  type ReplayReport,
  replay,
} from './replay.ts'
