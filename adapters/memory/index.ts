export { type MemoryBroker, type MemoryBrokerOptions, memoryBroker, memoryTransport } from './broker.ts'
export type { MemoryOptions } from './connection.ts'
