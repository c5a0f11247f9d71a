export { type Offload, offload } from './offload.ts'
export type { OffloadOptions, OffloadStatistics } from './options.ts'
