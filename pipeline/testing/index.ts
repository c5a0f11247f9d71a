export { type FaultyOptions, type FaultyTransport, faulty } from './faulty.ts'
export type { Fault, FaultCounts, FaultPoint } from './link.ts'
export { seededRandom } from './random.ts'
