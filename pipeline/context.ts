import { type Clock, systemClock } from './clock.ts'
import type { Decider } from './decider.ts'
import { Events } from './events.ts'
import { Health } from './health.ts'
import type { Message, Side } from './message.ts'
import type { ModelSet } from './models.ts'
import type { ResultPayload } from './payload.ts'
import { type Platform, webPlatform } from './platform.ts'
import { Quarantine } from './quarantine.ts'
import { RemainingWork } from './remaining.ts'
import type { Boundary } from './subjects.ts'
import type { Transport } from './transport.ts'
import { World } from './world.ts'

/** What the device's half of a pipeline can do, read off its stages. */
export interface Route {
  /** There is a wire: the pipeline has a `transfer()`. */
  readonly wire: boolean
  /** The device can prepare, and run models. */
  readonly prepares: boolean
  readonly executes: boolean
}

/** Who keeps the accounts of a device's messages: which attempts of each are under way, and what was answered last. */
export interface Attempts {
  /** A message has this plan now: its backup may be due. */
  planned(message: Message): void
  /** The number of a message's next attempt. */
  next(message: Message): number
  /** So many bytes were sent to learn of the way. */
  probed(bytes: number): void
  /** The last answer of a source, and since when (local clock, ms); undefined before the first. */
  last(source: string): { readonly payload: ResultPayload; readonly at: number } | undefined
}

/** What a stage knows of the pipeline half it runs in. */
export interface StageContext {
  readonly pipeline: string
  readonly side: Side
  /** The name of this half among all: a token. */
  readonly node: string
  readonly clock: Clock
  readonly platform: Platform
  readonly events: Events
  readonly world: World
  /** Whether this segment can do its work: a stage that cannot says so, and messages go to others meanwhile. */
  readonly health: Health
  /** Messages of this half that cost two executors or nodes. */
  readonly quarantine: Quarantine
  readonly models: ModelSet | undefined
  readonly route: Route
  /** Whether messages of one source leave each stage in the order they came. */
  readonly order: 'source' | 'none'
  /** Milliseconds from capture within which an answer is on time. */
  readonly deadline: number
  /** What messages of this half have before them at least. */
  readonly remaining: RemainingWork
  /** Whether decisions are explained. */
  readonly explain: boolean
  /** Executors this half was asked to run; undefined: the stage's own default. */
  readonly executors: number | undefined
  /** Deciders of this half, in order; they observe every outcome. */
  readonly deciders: Decider[]
  /** In the process that captures: who follows the messages. Elsewhere no backup can be started, nothing repeated. */
  readonly attempts: Attempts | undefined
  /** The way over a boundary: only pipelines have one. */
  readonly outward:
    | {
        readonly transport: Transport
        /** Whose pipeline it is, where several share one server. */
        readonly tenant: string
        boundary(hop: string | undefined): Boundary
      }
    | undefined
}

/** The context of a stage that stands alone in an RxJS chain: everything happens on this device. */
export function standaloneContext(change: Partial<StageContext> = {}): StageContext {
  const clock = change.clock ?? systemClock
  const events = change.events ?? new Events()
  return {
    pipeline: 'standalone',
    side: 'device',
    node: 'standalone',
    clock,
    platform: webPlatform,
    events,
    world: new World(clock),
    health: new Health(),
    quarantine: new Quarantine(change.platform ?? webPlatform, events),
    models: undefined,
    route: { wire: false, prepares: true, executes: true },
    order: 'source',
    deadline: Number.POSITIVE_INFINITY,
    remaining: new RemainingWork(),
    explain: false,
    executors: undefined,
    deciders: [],
    attempts: undefined,
    outward: undefined,
    ...change,
  }
}
