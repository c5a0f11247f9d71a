import type { StageContext } from '../context.ts'
import { Quarantined, type QuintetError, StageFailed } from '../errors.ts'
import { failure, type Item, type Message } from '../message.ts'
import type { ServiceDescription, Transport } from '../transport.ts'
import { keyOf } from '../wire/protocol.ts'
import { Responder } from '../wire/responder.ts'
import { Chain } from './chain.ts'
import { observe } from './observe.ts'
import type { Segment } from './segments.ts'

/** One segment that messages reach over a boundary: its stages between the two ends of the conversation. */
export class SegmentServer {
  readonly #chain: Chain
  readonly #responder: Responder
  readonly #context: StageContext
  readonly #endHealth: () => void

  private constructor(chain: Chain, responder: Responder, context: StageContext, segment: string) {
    this.#chain = chain
    this.#responder = responder
    this.#context = context
    const { health, events, node } = context
    const look = () => {
      const { reason } = health
      if (reason === undefined) events.emit({ type: 'in-service', node, segment })
      else events.emit({ type: 'out-of-service', node, segment, reason })
      responder.serve(reason)
    }
    this.#endHealth = health.listen(look)
    // A stage may have failed while the others were opened.
    if (health.reason !== undefined) look()
  }

  static async open(
    segment: Segment,
    context: StageContext,
    options: {
      readonly transport: Transport
      readonly capacity: number
      readonly service?: ServiceDescription
      /** Serves this device alone. */
      readonly device?: string | undefined
    },
  ): Promise<SegmentServer> {
    const { clock, platform, events, node, outward, quarantine } = context
    if (!outward) throw new TypeError('A segment is served inside a pipeline.')
    const held = new Map<string, Message>()
    let responder: Responder | undefined
    const settle = (item: Item) => {
      const message = held.get(keyOf(item))
      if (message) {
        held.delete(keyOf(item))
        if (item.kind === 'failure' && item.error instanceof Quarantined) {
          quarantine.add(message, message.payload, item.error)
        }
        if (item.kind === 'message') context.remaining.observe(item.timings)
        observe(item, message, message.payload, context, { settled: true })
      }
      responder?.settle(item)
    }
    const chain = await Chain.open(segment.links, context, settle, (error) => {
      events.emit({ type: 'fault', where: segment.name, error })
      const broken: QuintetError = new StageFailed(segment.name, { cause: error })
      for (const message of [...held.values()]) settle(failure(message, segment.name, broken))
    })
    try {
      responder = await Responder.open({
        transport: options.transport,
        boundary: outward.boundary(segment.hop),
        node,
        side: segment.side,
        clock,
        platform,
        events,
        capacity: options.capacity,
        ...(options.device ? { device: options.device } : {}),
        ...(options.service ? { service: options.service } : {}),
        accept: (message) => {
          const suspect = quarantine.against(message, message.payload)
          if (suspect) return responder?.settle(failure(message, segment.name, suspect))
          held.set(keyOf(message), message)
          chain.push(message)
        },
        onReleased: (key, error) => {
          const message = held.get(key)
          if (!message) return
          held.delete(key)
          if (error)
            observe(failure(message, segment.name, error), message, message.payload, context, { settled: false })
        },
      })
      return new SegmentServer(chain, responder, context, segment.name)
    } catch (error) {
      await chain.close()
      throw error
    }
  }

  get statistics(): Readonly<Record<string, number>> {
    return this.#responder.statistics
  }

  /** Why it is out of service; undefined while it is not. */
  get ill(): string | undefined {
    return this.#context.health.reason
  }

  async drain(within: number): Promise<void> {
    this.#endHealth()
    await this.#responder.drain(within)
    await this.#chain.close()
  }
}
