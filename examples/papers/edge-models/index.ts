export { type Cell, closedOf, delayOf, edgeModels, isContested, ours, type Played, playedCells } from './edge-models.ts'
export { type PolicyName, policies, workloadOnly } from './policies.ts'
export { nextUses, type Replayed, replay } from './replay.ts'
export {
  invocations,
  type Minutes,
  mapped,
  measuredModels,
  type ReplayModel,
  type Requests,
  repeated,
} from './workload.ts'
