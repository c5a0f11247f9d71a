import { z } from 'zod'
import { type Clock, made, readOptions, systemClock, type Transport } from '../../pipeline/index.ts'
import { MemoryConnection, type MemoryOptions, memoryOptions } from './connection.ts'
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

const brokerOptions = z.strictObject({
  random: made<() => number>('a function that gives 0 ≤ x < 1').exactOptional(),
  clock: made<Clock>('a clock').exactOptional(),
} satisfies Record<keyof MemoryBrokerOptions, z.ZodType>)

const transportOptions = memoryOptions.extend(brokerOptions.shape)

/** A broker inside this process: parts are handed over by reference, nothing is copied or encoded. */
export function memoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const { random, clock = systemClock } = readOptions(brokerOptions, options, 'memoryBroker()')
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
  return {
    connect: (own = {}) => new MemoryConnection(shared, readOptions(memoryOptions, own, "a broker's connect()")),
  }
}

/** A broker with one party: what a pipeline that runs whole in one process uses. */
export function memoryTransport(options: MemoryOptions & MemoryBrokerOptions = {}): Transport {
  const { random, ...own } = readOptions(transportOptions, options, 'memoryTransport()')
  const { clock } = own
  return memoryBroker({ ...(random ? { random } : {}), ...(clock ? { clock } : {}) }).connect(own)
}
