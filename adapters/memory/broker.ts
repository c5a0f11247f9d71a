import { type Clock, systemClock, type Transport } from '../../pipeline/index.ts'
import { MemoryConnection, type MemoryOptions } from './connection.ts'
import { MemoryDirectory } from './directory.ts'
import { Router } from './router.ts'
import type { MemorySubscription, Shared } from './subscription.ts'
import { Turns } from './turns.ts'

/** What the parties of one process share: who listens where, and the order of deliveries. */
export interface MemoryBroker {
  /** Another party on this broker, with its own drain. */
  connect(options?: MemoryOptions): Transport
}

export interface MemoryBrokerOptions {
  /** Chooses the group member for a delivery, 0 ≤ x < 1; without it members take turns. */
  readonly random?: () => number
  /** Times what is in the directory, and knows when others have had their turn. */
  readonly clock?: Clock
}

/** A broker inside this process: parts are handed over by reference, nothing is copied or encoded. */
export function memoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const { random, clock = systemClock } = options
  const shared: Shared = {
    router: new Router(),
    turns: new Turns(clock),
    directory: new MemoryDirectory(clock),
    pick(group) {
      const { members } = group
      const index = random ? Math.floor(random() * members.length) : group.turn++ % members.length
      return members[index] as MemorySubscription
    },
  }
  return { connect: (own = {}) => new MemoryConnection(shared, own) }
}

/** A broker with one party: what a pipeline that runs whole in one process uses. */
export function memoryTransport(options: MemoryOptions & MemoryBrokerOptions = {}): Transport {
  return memoryBroker(options).connect(options)
}
