import { type MemoryBroker, memoryBroker } from '../../../adapters/memory/index.ts'
import { nodePlatform } from '../../../adapters/platform/index.ts'
import {
  Boundary,
  Events,
  evolve,
  type Item,
  type Message,
  type PipelineEvent,
  type Transport,
} from '../../../pipeline/index.ts'
import {
  type FakeClock,
  type FaultyTransport,
  fakeClock,
  faulty,
  resultPayload,
} from '../../../pipeline/testing/index.ts'
import type { CallReport } from '../../../pipeline/wire/attempt.ts'
import { Caller, type CallerOptions } from '../../../pipeline/wire/caller.ts'
import { Responder } from '../../../pipeline/wire/responder.ts'
import type { ResponderOptions } from '../../../pipeline/wire/responder-options.ts'

export const boundary = Boundary.wire('main', 'flowers')

/** A node below the wire whose work the test does by hand. */
export interface Node {
  readonly responder: Responder
  readonly transport: FaultyTransport
  /** What it was given to do, in order. */
  readonly taken: Message[]
  /** Keys it no longer holds. */
  readonly released: string[]
  /** Answers the n-th message it took. */
  answer(n?: number, label?: string): void
  settle(item: Item): void
}

export interface Bench {
  readonly clock: FakeClock
  readonly broker: MemoryBroker
  /** The device's transport. */
  readonly near: FaultyTransport
  readonly caller: Caller
  readonly seen: PipelineEvent[]
  readonly reports: CallReport[]
  node(name: string, options?: Partial<ResponderOptions>): Promise<Node>
  /** Another device. */
  device(options?: Partial<CallerOptions>, transport?: Transport): Caller
}

/** A device and as many nodes as wanted on one broker, on a fake clock. */
export function bench(options: Partial<CallerOptions> = {}): Bench {
  const broker = memoryBroker()
  const clock = fakeClock()
  const events = new Events()
  const seen: PipelineEvent[] = []
  events.stream.subscribe((event) => seen.push(event))
  const reports: CallReport[] = []
  const near = faulty(broker.connect({ clock }), [], { clock })
  const device = (change: Partial<CallerOptions> = {}, transport: Transport = near) =>
    new Caller({
      transport,
      boundary,
      stage: 'transfer',
      platform: nodePlatform,
      clock,
      events,
      onReport: (report) => reports.push(report),
      ...change,
    })
  return {
    clock,
    broker,
    near,
    seen,
    reports,
    device,
    caller: device(options),
    node: (name, change) => node(name, broker, clock, change),
  }
}

async function node(
  name: string,
  broker: MemoryBroker,
  clock: FakeClock,
  change: Partial<ResponderOptions> = {},
): Promise<Node> {
  const transport = faulty(broker.connect({ clock }), [], { clock })
  const taken: Message[] = []
  const released: string[] = []
  const responder: Responder = await Responder.open({
    transport,
    boundary,
    node: name,
    side: 'cloud',
    platform: nodePlatform,
    clock,
    events: new Events(),
    capacity: 16,
    accept: (message) => taken.push(message),
    onReleased: (key) => released.push(key),
    ...change,
  })
  const settle = (item: Item) => responder.settle(item)
  return {
    responder,
    transport,
    taken,
    released,
    settle,
    answer: (n = 0, label = 'mug') => settle(evolve(taken[n] as Message, { payload: resultPayload({ label }) })),
  }
}
