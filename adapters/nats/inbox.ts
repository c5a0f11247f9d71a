import { createInbox, type Msg, type NatsConnection } from 'nats'
import { type Conversation, NoResponders, type QuintetError, type RequestOptions } from '../../pipeline/index.ts'
import { deliveryFrom, isNoResponders } from './message.ts'

/**
 * Where the replies of all conversations of one connection arrive: one subscription, told apart by the last token.
 * Nothing is subscribed for a request, so that one costs what a bare request of the client costs.
 */
export class Inbox {
  readonly #connection: NatsConnection
  readonly #prefix: string
  readonly #fault: (error: Error) => void
  readonly #open = new Map<string, NatsConversation>()
  #last = 0
  #listening = false

  constructor(connection: NatsConnection, prefix: string, fault: (error: Error) => void) {
    this.#connection = connection
    this.#prefix = `${createInbox(prefix)}.`
    this.#fault = fault
  }

  /** A conversation and the subject its replies are to be sent to. */
  open(subject: string, options: RequestOptions): { conversation: NatsConversation; replyTo: string } {
    this.#listen()
    const token = (++this.#last).toString(36)
    const conversation = new NatsConversation(subject, options, this.#fault, () => this.#open.delete(token))
    this.#open.set(token, conversation)
    return { conversation, replyTo: this.#prefix + token }
  }

  /** Ends the conversations that were asked on a subject, or all. */
  fail(error: QuintetError, subject?: string): void {
    for (const conversation of [...this.#open.values()]) {
      if (subject === undefined || conversation.subject === subject) conversation.fail(error)
    }
  }

  /** Whether a subject is this inbox's own subscription. */
  owns(subject: string): boolean {
    return subject === `${this.#prefix}*`
  }

  #listen(): void {
    if (this.#listening) return
    this.#listening = true
    this.#connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => {
        // An error ends the subscription: the user may not listen here, which every open conversation must know.
        if (error) this.#listening = false
        else this.#open.get(message.subject.slice(this.#prefix.length))?.receive(message)
      },
    })
  }
}

/** The asking side of one request. */
export class NatsConversation implements Conversation {
  readonly subject: string
  readonly #options: RequestOptions
  readonly #fault: (error: Error) => void
  readonly #ended: () => void
  #open = true

  constructor(subject: string, options: RequestOptions, fault: (error: Error) => void, ended: () => void) {
    this.subject = subject
    this.#options = options
    this.#fault = fault
    this.#ended = ended
  }

  receive(message: Msg): void {
    this.#guard(() => {
      if (isNoResponders(message)) this.fail(new NoResponders(this.subject))
      else if (this.#open) this.#options.onReply(deliveryFrom(message))
    })
  }

  fail(error: Error): void {
    if (!this.#open) return
    this.close()
    this.#guard(() => this.#options.onError(error))
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#ended()
  }

  /** What a callback throws, or a foreign reply holds, would end the client's reader and with it the connection. */
  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#fault(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
