export {
  bottleneck,
  type Conditions,
  type Cost,
  costAt,
  energy,
  latency,
  type Objective,
  plain,
  type Writing,
} from './objective.ts'
export { type Split, type SplitOptions, split } from './split.ts'
