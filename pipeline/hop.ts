import { z } from 'zod'
import { Clouds } from './clouds.ts'
import type { StageContext } from './context.ts'
import { BadConfiguration } from './errors.ts'
import type { Message } from './message.ts'
import { readOptions } from './options.ts'
import { payloadBytes } from './payload.ts'
import { asStage, type StageDefinition, type Unchanging, workStage } from './stage.ts'
import { assertToken } from './subjects.ts'
import type { CallReport } from './wire/attempt.ts'
import { Caller } from './wire/caller.ts'
import { Prober, probeSettings } from './wire/probe.ts'

const boundaryOptions = z.strictObject({
  chunkAbove: z.number().min(0).exactOptional(),
  attempts: z.number().int().min(1).exactOptional(),
} satisfies Record<keyof BoundaryOptions, z.ZodType>)
const wireOptions = boundaryOptions.extend({ probe: z.literal(false).or(probeSettings).prefault({}) })

export interface BoundaryOptions {
  /** Payloads above so many bytes travel in chunks. Default 256 KB, where the transport copies. */
  readonly chunkAbove?: number
  /** How often one message is tried at most, the first time included. Default 5. */
  readonly attempts?: number
}

/**
 * Puts a boundary between two stages on a subject: what stands below it runs wherever `{ only: name }` starts it, in as
 * many processes as wanted. In a pipeline alone; a bare RxJS chain has nobody to run the other end.
 * @throws BadConfiguration when the name cannot stand in a subject
 */
export function hop(name: string, options: BoundaryOptions = {}): Unchanging {
  assertToken(name, "a hop's name")
  return asStage<Unchanging>(boundaryDefinition(name, { kind: 'hop', hop: name }, options))
}

/** Options of the wire. */
export interface WireOptions extends BoundaryOptions {
  /** When the way is probed because nothing crosses it; `false`: never. */
  readonly probe?: z.input<typeof probeSettings> | false
}

/**
 * The upper end of a boundary as a stage: each message goes over it, and comes back as what became of it below. A
 * message that has its answer already passes by.
 * @param ready what is to do with a message before it goes, e.g. closing its cut
 * @throws BadConfiguration a bad option
 */
export function boundaryDefinition(
  name: string,
  boundary: NonNullable<StageDefinition['boundary']>,
  given: WireOptions,
  ready: (message: Message) => Message = (message) => message,
): StageDefinition {
  const isWire = boundary.kind === 'wire'
  const { probe, ...options } = isWire
    ? readOptions(wireOptions, given, `${name}()`)
    : { ...readOptions(boundaryOptions, given, `hop("${name}")`), probe: undefined }
  const definition = workStage(
    name,
    (context) => {
      const upper = openCaller(name, boundary, options, context)
      const { caller } = upper
      const prober = probe ? openProber(probe, upper, context) : undefined
      return {
        work: (message) => {
          const crosses = message.payload.form !== 'result'
          prober?.passed(payloadBytes(message.original ?? message.payload), crosses)
          return crosses ? caller.call(ready(message)) : message
        },
        close: async () => await prober?.close(),
      }
    },
    // What is under way is bounded by the window; the answers leave as they come, the sink puts them in order.
    { concurrency: Number.POSITIVE_INFINITY },
  )
  return { ...definition, boundary }
}

/** So long, ms, a message is held back because nobody is heard of, where another plan may answer it on the device. */
const patience = 5_000

interface Upper {
  readonly caller: Caller
  readonly clouds: Clouds
  readonly report: (report: CallReport) => void
}

function openCaller(
  name: string,
  boundary: NonNullable<StageDefinition['boundary']>,
  options: BoundaryOptions,
  context: StageContext,
): Upper {
  const { outward, clock, platform, events, world, side } = context
  if (!outward) {
    throw new BadConfiguration(
      `"${name}" needs another end. Use it inside pipeline(…), which runs what stands below it.`,
    )
  }
  const clouds = new Clouds(world, clock, name)
  const report = ({ node, load: { pending, capacity, slowdown } }: CallReport) => {
    if (boundary.kind !== 'wire') return
    const { rate, rtt } = caller.path
    clouds.heard(slowdown === undefined ? { node, pending, capacity } : { node, pending, capacity, slowdown })
    const link: { uplink?: number; rtt?: number } = {}
    if (rate !== undefined) link.uplink = rate * 8000
    if (rtt !== undefined) link.rtt = rtt
    world.set('link', link, name)
  }
  const caller = new Caller({
    transport: outward.transport,
    boundary: outward.boundary(boundary.kind === 'hop' ? boundary.hop : undefined),
    stage: name,
    clock,
    platform,
    events,
    next: (message) => context.attempts?.next(message) ?? message.attempt + 1,
    ...(answersItself(context) ? { outage: patience } : {}),
    // Only the wire is a crossing; below it, a hop's says which node answered.
    crosses: boundary.kind === 'wire' || side === 'cloud',
    onReport: report,
    onLost: (node) => clouds.lost(node),
    ...options,
  })
  return { caller, clouds, report }
}

/** Whether deciders may have this half answer what does not get over a boundary. */
function answersItself({ side, route, deciders }: StageContext): boolean {
  return side === 'device' && route.prepares && route.executes && deciders.length > 0
}

function openProber(
  settings: z.output<typeof probeSettings>,
  { caller, clouds, report }: Upper,
  context: StageContext,
) {
  const { outward, clock, events, world, deciders, node, attempts } = context
  if (!outward) return undefined
  return new Prober({
    transport: outward.transport,
    boundary: outward.boundary(undefined),
    source: `${node}.probe`,
    clock,
    events,
    path: caller.path,
    peers: caller.peers,
    settings,
    stalest: () => clouds.stalest,
    onReport: report,
    onProbe: (probe) => {
      const { bytes, ms, answered } = probe
      attempts?.probed(bytes)
      events.emit({ type: 'probed', node: probe.node, bytes, ms, answered })
      if (!answered && probe.node) clouds.lost(probe.node)
      for (const decider of deciders) {
        try {
          decider.probed?.(probe, world)
        } catch (error) {
          events.emit({ type: 'fault', where: decider.name, error })
        }
      }
    },
  })
}
