import {
  asQuintetError,
  assertHeaders,
  type Directory,
  type Parts,
  type ServedRequest,
  Settlement,
  type Subscription,
  TooLarge,
  type TransportHeaders,
  totalBytes,
  written,
} from '../../pipeline/index.ts'
import type { MemoryConversation } from './conversation.ts'
import type { Group, Interest, Router } from './router.ts'
import type { Turns } from './turns.ts'

/** What the connections of one broker share. */
export interface Shared {
  readonly router: Router<MemorySubscription>
  readonly turns: Turns
  readonly directory: Directory
  /** The group member that takes the next delivery. */
  readonly pick: (group: Group<MemorySubscription>) => MemorySubscription
}

/** What a subscription needs of the connection that made it. */
export interface Owner {
  readonly shared: Shared
  readonly maxPayload: number
  /** It takes headers as they are; else bytes alone. */
  readonly handsOver: boolean
  readonly fault: (error: Error) => void
  readonly ended: (subscription: MemorySubscription) => void
}

export const noHeaders: TransportHeaders = Object.freeze({})

/** One standing interest of one connection. */
export class MemorySubscription implements Subscription, Interest {
  readonly pattern: string
  readonly group: string | undefined
  readonly #handler: (request: ServedRequest) => unknown
  readonly #owner: Owner
  readonly #settlement = new Settlement()
  #live = true
  #drained: Promise<void> | undefined

  constructor(pattern: string, group: string | undefined, handler: (request: ServedRequest) => unknown, owner: Owner) {
    this.pattern = pattern
    this.group = group
    this.#handler = handler
    this.#owner = owner
    owner.shared.router.add(this)
  }

  /** Handlers that have not settled. */
  get running(): number {
    return this.#settlement.running
  }

  /** Runs the handler, now. */
  deliver(request: ServedRequest): void {
    if (!this.#live) return
    const taken = this.#owner.handsOver || !request.data.unwritten ? request : asBytes(request)
    this.#settlement.run(this.#handler, taken, (error) => {
      if (error !== undefined) this.#owner.fault(asQuintetError(error, request.subject))
    })
  }

  /** Sends one reply of this side; what cannot be sent is a fault here, never an exception in the handler. */
  answer(conversation: MemoryConversation, data: Parts, headers: TransportHeaders = noHeaders): void {
    try {
      if (headers !== noHeaders) assertHeaders(headers)
      assertSize('a reply', data, this.#owner.maxPayload)
    } catch (error) {
      this.#owner.fault(asQuintetError(error, this.pattern))
      return
    }
    this.#owner.shared.turns.later(() => conversation.receive({ subject: '_INBOX', headers, data }))
  }

  async close(): Promise<void> {
    this.#live = false
    this.#leave()
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async #drain(): Promise<void> {
    this.#leave()
    // What was routed here before is still queued, and nobody else will get it.
    await new Promise<void>((resolve) => this.#owner.shared.turns.later(resolve))
    this.#live = false
    await this.#settlement.idle()
  }

  #leave(): void {
    this.#owner.shared.router.remove(this)
    this.#owner.ended(this)
  }
}

/** Sent by one who hands over, to one who does not. */
function asBytes({ subject, headers, data, reply }: ServedRequest): ServedRequest {
  return { subject, headers, data: written(data), reply }
}

/** @throws TooLarge when the parts together exceed the bound */
export function assertSize(what: string, data: Parts, maxPayload: number): void {
  if (maxPayload === Number.POSITIVE_INFINITY) return
  const bytes = totalBytes(data)
  if (bytes <= maxPayload) return
  throw new TooLarge(`${bytes} bytes for ${what} exceed the transport's ${maxPayload}: send less at once.`)
}
