import { Cancellation } from '../cancellation.ts'
import { evolve, type Item, type Message } from '../message.ts'
import type { Result } from '../payload.ts'
import type { Attempt } from './attempt.ts'

/** Conversations of one message that are kept open; of more the oldest is closed. */
const most = 8

/**
 * The tries of one message that were given up before their nodes had said what became of it. Their conversations stay open while
 * it is tried again: the first answer is the message's, whichever try it is to.
 */
export class OpenTries {
  readonly #message: Message
  readonly #open: Attempt[] = []
  #under: Attempt | undefined
  #attempt: number
  #answer: Message<Result> | undefined
  #by: string | undefined
  #cancellation: Cancellation | undefined

  constructor(message: Message) {
    this.#message = message
    this.#attempt = message.attempt
  }

  /** What one of them was answered with. */
  get answer(): Message<Result> | undefined {
    return this.#answer
  }

  /** The message as it is to be tried again: nobody waits for that any longer once one of these tries is answered. */
  again(message: Message, attempt: number): Message {
    this.#attempt = attempt
    const cancellation = this.#cancellation
    return evolve(message, cancellation ? { attempt, cancellation } : { attempt })
  }

  /** A try begins. */
  begin(attempt: Attempt): void {
    this.#under = attempt
  }

  /** The try under way was given up, and may be answered all the same. */
  keep(attempt: Attempt): void {
    this.#listen()
    this.#open.push(attempt)
    if (this.#open.length > most) this.#open.shift()?.close()
  }

  /** A try that was given up has been answered. @param by the node that did */
  answered(item: Message<Result>, attempt: Attempt, by: string): void {
    if (this.#answer) return
    const { crossing } = item
    const bytes = this.#restOf(attempt)
    const change = { attempt: this.#attempt }
    this.#answer = evolve(
      item,
      crossing && bytes > 0 ? { ...change, crossing: { ...crossing, bytes: crossing.bytes + bytes } } : change,
    )
    this.#by = by
    this.#listen().cancel()
  }

  /**
   * Nobody waits any longer: those who may still work on the message hear of it.
   * @param item what the last try came to
   * @param by the node that answered it
   * @returns how the message ends
   */
  settle(item: Item<Result>, by: string | undefined): Item<Result> {
    this.#message.cancellation?.unlisten(this.#stop)
    const node = this.#answer ? this.#by : by
    const told = new Set(node === undefined ? [] : [node])
    for (const attempt of this.#open.splice(0)) attempt.cancel(told)
    return this.#answer ?? this.#own(item)
  }

  /** With the cancellation that the message came with. */
  #own(item: Item<Result>): Item<Result> {
    if (item.kind !== 'message' || item.cancellation === this.#message.cancellation) return item
    const { cancellation } = this.#message
    if (cancellation) return evolve(item, { cancellation })
    const { cancellation: _, ...own } = item
    return own
  }

  /** Bytes that later tries at the same node sent of what this one had not sent to its end. */
  #restOf(attempt: Attempt): number {
    if (attempt.sentAll) return 0
    const at = this.#open.indexOf(attempt)
    const later = at < 0 ? [] : this.#open.slice(at + 1)
    if (this.#under && this.#under !== attempt && !later.includes(this.#under)) later.push(this.#under)
    return later.reduce((sum, { node, sentBytes }) => (node === attempt.node ? sum + sentBytes : sum), 0)
  }

  #listen(): Cancellation {
    if (!this.#cancellation) {
      this.#cancellation = new Cancellation()
      this.#message.cancellation?.listen(this.#stop)
    }
    return this.#cancellation
  }

  readonly #stop = () => this.#cancellation?.cancel(this.#message.cancellation?.reason)
}
