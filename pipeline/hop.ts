import type { StageContext } from './context.ts'
import { BadConfiguration } from './errors.ts'
import type { Message } from './message.ts'
import { asStage, type StageDefinition, type Unchanging, workStage } from './stage.ts'
import { assertToken } from './subjects.ts'
import { Caller } from './wire/caller.ts'

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

/**
 * The upper end of a boundary as a stage: each message goes over it, and comes back as what became of it below. A
 * message that has its answer already passes by.
 * @param ready what is to do with a message before it goes, e.g. closing its cut
 */
export function boundaryDefinition(
  name: string,
  boundary: NonNullable<StageDefinition['boundary']>,
  options: BoundaryOptions,
  ready: (message: Message) => Message = (message) => message,
): StageDefinition {
  const definition = workStage(
    name,
    (context) => {
      const caller = openCaller(name, boundary, options, context)
      return {
        work: (message) => (message.payload.form === 'result' ? message : caller.call(ready(message))),
      }
    },
    // What is under way is bounded by the window; the answers leave as they come, the sink puts them in order.
    { concurrency: Number.POSITIVE_INFINITY },
  )
  return { ...definition, boundary }
}

function openCaller(
  name: string,
  boundary: NonNullable<StageDefinition['boundary']>,
  options: BoundaryOptions,
  context: StageContext,
): Caller {
  const { outward, clock, events, world, side } = context
  if (!outward) {
    throw new BadConfiguration(
      `"${name}" needs another end. Use it inside pipeline(…), which runs what stands below it.`,
    )
  }
  const { transport } = outward
  const where = outward.boundary(boundary.kind === 'hop' ? boundary.hop : undefined)
  const caller: Caller = new Caller(
    // Only the wire is a crossing; below it, a hop's says which node answered.
    {
      transport,
      boundary: where,
      stage: name,
      clock,
      events,
      next: (message) => context.attempts?.next(message) ?? message.attempt + 1,
      crosses: boundary.kind === 'wire' || side === 'cloud',
      ...options,
    },
    ({ node, load }) => {
      if (boundary.kind !== 'wire') return
      const { rate, rtt } = caller.path
      world.set('cloud', { node, ...load }, name)
      world.set(
        'link',
        { ...(rate === undefined ? {} : { uplink: rate * 8000 }), ...(rtt === undefined ? {} : { rtt }) },
        name,
      )
    },
  )
  return caller
}
