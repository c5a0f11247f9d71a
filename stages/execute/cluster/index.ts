export { ClusterNode } from './cluster.ts'
export { type ClusterOptions, clusterOptions, clusterSettings } from './options.ts'
export { type NodeRecord, readRecord } from './record.ts'
export { type RollOutOptions, type RollOutReport, rollOut } from './rollout.ts'
