export { type FakeClock, fakeClock, settled } from './clock.ts'
export { type Collected, collect } from './collect.ts'
export { type FaultyOptions, type FaultyTransport, faulty } from './faulty.ts'
export type { Fault, FaultCounts, FaultPoint } from './link.ts'
export { type AnyStage, type MarbleOptions, playMarbles, runStage } from './marbles.ts'
export {
  droppedItem,
  failureItem,
  imageMessage,
  type MessageChange,
  resultMessage,
  resultPayload,
  tensor,
  tensorsMessage,
} from './messages.ts'
export { type Network, network } from './network.ts'
export { seededRandom } from './random.ts'
export { type Camera, camera, frames } from './sources.ts'
export {
  type Answering,
  answering,
  delaying,
  dropping,
  erroring,
  failing,
  losing,
  type Plain,
  passThrough,
} from './stages.ts'
