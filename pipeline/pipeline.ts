import { hex } from './bytes.ts'
import type { Source } from './capture.ts'
import { systemClock } from './clock.ts'
import type { StageContext } from './context.ts'
import { BadConfiguration, described } from './errors.ts'
import { Events } from './events.ts'
import { assertHalfOptions, type HalfOptions, type Running, type RunningCloud, type RunningDevice } from './halves.ts'
import { Health } from './health.ts'
import type { Side } from './message.ts'
import type { Captured } from './payload.ts'
import { type PipelineOptions, type PipelineSettings, pipelineSettings } from './pipeline-options.ts'
import { type Platform, webPlatform } from './platform.ts'
import { Quarantine } from './quarantine.ts'
import { RemainingWork } from './remaining.ts'
import type { Answers } from './running/answers.ts'
import type { Link } from './running/chain.ts'
import { DeviceHalf } from './running/device.ts'
import { routeOf, type Segment, segments } from './running/segments.ts'
import { SegmentServer } from './running/server.ts'
import { assertToken, Boundary } from './subjects.ts'
import type { Transport } from './transport.ts'
import { packageVersion } from './version.ts'
import { dialectsOf } from './wire/dialects.ts'
import { World } from './world.ts'

/** A composed pipeline: a value that can run whole, or in halves, as often as wanted. */
export class Pipeline<M = unknown> {
  readonly name: string
  readonly #options: PipelineOptions
  readonly #settings: PipelineSettings
  readonly #source: Source<Captured, M>
  readonly #segments: readonly Segment[]
  readonly #platform: Platform

  /** @throws BadConfiguration a bad name or option, two wires, two hops of one name */
  constructor(name: string, options: PipelineOptions, source: Source<Captured, M>, links: readonly Link[]) {
    this.name = assertToken(name, "a pipeline's name")
    this.#settings = pipelineSettings(name, options)
    this.#options = options
    this.#platform = options.platform ?? webPlatform
    this.#source = assertSource(name, source)
    this.#segments = segments(links)
  }

  /** Names of the segments that `only` can start. */
  get segments(): readonly string[] {
    return this.#segments.slice(1).map((segment) => segment.name)
  }

  /**
   * Runs the whole pipeline in this process, over an embedded transport of its own. Starts at once; leaving the loop
   * over its answers, or aborting the signal, drains it.
   */
  run(options: Omit<HalfOptions, 'only'> = {}): RunningDevice<M> {
    assertHalfOptions(options, 'run()')
    const { embedded } = this.#options
    const transport = this.#segments.length > 1 ? embedded?.() : undefined
    if (this.#segments.length > 1 && !transport) {
      throw new BadConfiguration(
        `run() of "${this.name}" has a boundary and needs a transport. Compose it with { embedded: memoryTransport }.`,
      )
    }
    const device = this.#deviceHalf(transport, options)
    // The cloud half is up before the first capture, and outlives the last answer.
    const { executors, capacity } = options
    const below = {
      node: `${device.context.node.slice(0, 58)}-cloud`,
      ...(executors === undefined ? {} : { executors }),
      ...(capacity === undefined ? {} : { capacity }),
    }
    // The signal drains the device's half, which then drains this one: what is in flight still needs it.
    const cloud = transport ? this.#serve(transport, this.#segments.slice(1), below, device.context) : undefined
    const started = (async () => {
      await cloud
      await device.half.open()
    })()
    const close = async (within?: number) => {
      await device.half.drain(within)
      await (await cloud?.catch(() => undefined))?.drain(within)
      await transport?.drain()
    }
    started.catch((error) => device.half.stop(error))
    return this.#runningDevice(device, close, options.signal)
  }

  /**
   * Runs what stands above the wire, or with `only: 'capture'` no further than its first hop. Resolves when it is
   * ready; captures from the next turn of the event loop on.
   */
  async device(transport: Transport, options: HalfOptions = {}): Promise<RunningDevice<M>> {
    assertHalfOptions(options, 'device()')
    const { only, signal, ...rest } = options
    if (only !== undefined && only !== 'capture') {
      throw new BadConfiguration(
        `device() runs "capture", not "${only}". Start that segment with cloud(transport, { only: '${only}' }).`,
      )
    }
    const device = this.#deviceHalf(transport, options)
    const hops = this.#segments.slice(1).filter((segment) => only === undefined && segment.side === 'device')
    const below =
      hops.length > 0
        ? await this.#serve(
            transport,
            hops,
            { ...rest, node: `${device.context.node.slice(0, 59)}-hops` },
            device.context,
          )
        : undefined
    try {
      await device.half.open()
    } catch (error) {
      await below?.drain(0)
      throw error
    }
    const close = async (within?: number) => {
      await device.half.drain(within)
      await below?.drain(within)
    }
    return this.#runningDevice(device, close, signal)
  }

  /**
   * Runs what stands below the wire; as many of them as wanted share the work. Resolves when messages can come.
   * @throws BadConfiguration there is no such segment
   */
  async cloud(transport: Transport, options: HalfOptions = {}): Promise<RunningCloud> {
    assertHalfOptions(options, 'cloud()')
    const chosen = this.#segments
      .slice(1)
      .filter((segment) => (options.only ? segment.name === options.only : segment.side === 'cloud'))
    if (chosen.length === 0) {
      throw new BadConfiguration(
        `Pipeline "${this.name}" has no segment "${options.only ?? 'cloud'}" to serve. It has: ${this.segments.join(', ')}.`,
      )
    }
    const running = await this.#serve(transport, chosen, options)
    drainOnAbort(running, options.signal)
    return running
  }

  /**
   * Serves segments that messages reach over a boundary.
   * @param device the half above in this process: those of its side serve it alone, and share what it knows
   */
  async #serve(
    transport: Transport,
    chosen: readonly Segment[],
    options: Omit<HalfOptions, 'only' | 'signal'>,
    device?: StageContext,
  ): Promise<RunningCloud> {
    const events = device?.events ?? new Events()
    const node = assertToken(options.node ?? this.#newName('cloud'), "a node's name")
    const quarantine = device?.quarantine ?? new Quarantine(this.#platform, events)
    const { capacity = 256 } = options
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new BadConfiguration(`A half cannot hold ${capacity} messages at once. Let its capacity be 1 or more.`)
    }
    const open = await Promise.allSettled(
      chosen.map(async (segment) => {
        const own = segment.side === 'device' ? device : undefined
        const context = { ...this.#context(segment.side, node, events, transport, options, own), quarantine }
        const { least, most } = dialectsOf(transport)
        const service = {
          name: `${this.name}-${segment.name}`,
          version: packageVersion,
          description: `Quintet pipeline ${this.name}`,
          metadata: { node, 'wire-least': `${least}`, 'wire-most': `${most}` },
        }
        return [
          segment.name,
          await SegmentServer.open(segment, context, { transport, capacity, service, device: own?.node }),
        ] as const
      }),
    )
    const servers = open.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const failed = open.find((result) => result.status === 'rejected')
    const drain = async (within = 10_000) => {
      // The upper segments first: they wait for the lower ones.
      for (const [, server] of servers) await server.drain(within)
    }
    if (failed) {
      await drain(0)
      throw failed.reason
    }
    let finish!: () => void
    const done = new Promise<void>((resolve) => {
      finish = resolve
    })
    let drained: Promise<void> | undefined
    const running: RunningCloud = {
      node,
      events,
      done,
      get statistics() {
        return Object.fromEntries(servers.map(([name, server]) => [name, server.statistics]))
      },
      get quarantined() {
        return quarantine.suspects
      },
      get ill() {
        return Object.fromEntries(servers.flatMap(([name, { ill }]) => (ill === undefined ? [] : [[name, ill]])))
      },
      drain: (within) => {
        drained ??= drain(within).finally(finish)
        return drained
      },
    }
    return running
  }

  #deviceHalf(transport: Transport | undefined, options: HalfOptions) {
    const [segment] = this.#segments
    const node = assertToken(options.node ?? this.#newName('device'), "a device's name")
    const { deadline, late, patience, window, showBackup, attempts } = this.#settings
    const context: StageContext = {
      ...this.#context('device', node, new Events(), transport, options),
      // Made with this context, and asked only once messages flow.
      get attempts() {
        return half.flight
      },
    }
    const half: DeviceHalf = new DeviceHalf({
      source: this.#source,
      segment: segment as Segment,
      context,
      window,
      deadline,
      budget: (ms) => (late === 'fail' ? ms : Math.max(ms, patience ?? Math.max(10_000, 10 * ms))),
      ...(this.#options.battery ? { battery: this.#options.battery } : {}),
      rules: { show: showBackup, attempts },
    })
    return { half, context }
  }

  #runningDevice(
    { half, context }: { half: DeviceHalf; context: StageContext },
    close: (within?: number) => Promise<void>,
    signal: AbortSignal | undefined,
  ): RunningDevice<M> {
    let drained: Promise<void> | undefined
    const drain = (within?: number) => {
      drained ??= close(within)
      return drained
    }
    // All that belongs to the run is closed before it counts as done, however it ends.
    const done = half.done.then(
      () => drain().then(() => half.flight.ledger.counts),
      (error) =>
        drain().then(() => {
          throw error
        }),
    )
    // What a frame's own data is, its source says.
    const answers = half.answers as Answers<M>
    done.then(
      () => answers.end(),
      (error) => answers.end(error),
    )
    answers.onLeave = () => drain()
    const running: RunningDevice<M> = {
      node: context.node,
      events: context.events,
      answers,
      done,
      get counts() {
        return half.flight.ledger.counts
      },
      get quarantined() {
        return context.quarantine.suspects
      },
      get statistics() {
        return half.flight.statistics
      },
      drain,
      [Symbol.asyncIterator]: () => answers[Symbol.asyncIterator](),
    }
    drainOnAbort(running, signal)
    return running
  }

  /** Of a half that was given none. */
  #newName(half: string): string {
    return `${half}-${hex(this.#platform.randomBytes(4))}`
  }

  #context(
    side: Side,
    node: string,
    events: Events,
    transport: Transport | undefined,
    options: HalfOptions,
    shared?: StageContext,
  ): StageContext {
    const { clock = systemClock, models } = this.#options
    const { tenant, order, deadline, explain } = this.#settings
    return {
      pipeline: this.name,
      side,
      node,
      clock,
      platform: this.#platform,
      events,
      world: shared?.world ?? new World(clock),
      health: new Health(),
      quarantine: shared?.quarantine ?? new Quarantine(this.#platform, events),
      models,
      route: routeOf(this.#segments),
      order,
      deadline,
      remaining: shared?.remaining ?? new RemainingWork(),
      explain,
      executors: options.executors,
      deciders: [],
      attempts: shared?.attempts,
      outward: transport && {
        transport,
        tenant,
        boundary: (hop) => (hop ? Boundary.hop(tenant, this.name, hop) : Boundary.wire(tenant, this.name)),
      },
    }
  }
}

function assertSource<M>(pipeline: string, source: Source<Captured, M>): Source<Captured, M> {
  const { kind, open } = (source ?? {}) as Partial<Source>
  if ((kind === 'pull' || kind === 'live') && typeof open === 'function') return source
  throw new BadConfiguration(`The source of "${pipeline}" is ${described(source)}. Give what capture(frames) makes.`)
}

function drainOnAbort(running: Running & { readonly done: Promise<unknown> }, signal: AbortSignal | undefined): void {
  if (!signal) return
  const drain = () =>
    void running.drain().catch((error) => running.events.emit({ type: 'fault', where: 'drain', error }))
  if (signal.aborted) drain()
  else signal.addEventListener('abort', drain, { once: true })
  // A signal may outlive many runs.
  const over = () => signal.removeEventListener('abort', drain)
  running.done.then(over, over)
}
