import type { Clock, Timer } from '../clock.ts'
import type { Boundary } from '../subjects.ts'
import type { Conversation, Transport } from '../transport.ts'
import { dialectsOf, type VersionRange } from './dialects.ts'
import { readDown, sendUp } from './hand-over.ts'

/** The group is asked this often, ms, and so long is waited for who answers. */
const every = 1_000

export interface ScoutOptions {
  readonly transport: Transport
  readonly boundary: Boundary
  readonly clock: Clock
  readonly heard: (node: string, speaks: VersionRange) => void
}

/**
 * Hears of nodes that have come while messages go to single ones by name: a tiny probe of the group is answered by whoever
 * gets it. Messages set it off, so that nothing is sent where nothing happens.
 */
export class Scout {
  readonly #options: ScoutOptions
  #last = Number.NEGATIVE_INFINITY
  #under: { readonly conversation: Conversation; readonly timer: Timer } | undefined

  constructor(options: ScoutOptions) {
    this.#options = options
  }

  /** @param source whose subject may be published on */
  look(source: string, version: number): void {
    const { transport, boundary, clock, heard } = this.#options
    const now = clock.now()
    if (now - this.#last < every || this.#under || !transport.connected) return
    this.#last = now
    let open = true
    const over = () => {
      open = false
      this.#under?.timer.cancel()
      this.#under?.conversation.close()
      this.#under = undefined
    }
    try {
      const conversation = transport.request(boundary.any(source), sendUp({ kind: 'probe' }, [], transport, version), {
        onReply: ({ data }) => {
          try {
            const reply = readDown(data, dialectsOf(transport))
            heard(reply.header.node, reply)
          } catch {
            // Nonsense is no answer.
          }
          over()
        },
        onError: over,
      })
      // Answered within the call.
      if (!open) return conversation.close()
      this.#under = { conversation, timer: clock.after(every, over, { background: true }) }
    } catch {
      // Not connected after all: a later message looks.
    }
  }
}
