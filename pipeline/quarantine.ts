import { hex } from './bytes.ts'
import { type Evidence, Quarantined } from './errors.ts'
import type { Events } from './events.ts'
import type { Message } from './message.ts'
import { type Payload, payloadBytes } from './payload.ts'
import type { Platform } from './platform.ts'

/** Suspects known, and of how many the payload is kept, of at most so many bytes together. */
const mostKnown = 256
const mostKept = 16
const mostBytes = 64 * 2 ** 20

/** A message that cost two executors or nodes, kept for whoever looks into it. */
export interface Suspect {
  readonly id: string
  readonly source: string
  readonly evidence: readonly Evidence[]
  /** SHA-256 of its payload's bytes, lower-case hex, and how many there are. */
  readonly sha256: string
  readonly bytes: number
  /** As it came to this half; absent where too much is kept already. */
  readonly payload?: Payload
}

/**
 * The suspects of one half, the latest of them: they are not tried again here, whether they come again under their own id or
 * the same bytes do under another.
 */
export class Quarantine {
  readonly #platform: Platform
  readonly #events: Events
  /** By message; oldest first. */
  readonly #suspects = new Map<string, Suspect>()

  constructor(platform: Platform, events: Events) {
    this.#platform = platform
    this.#events = events
  }

  /** The latest last. */
  get suspects(): readonly Suspect[] {
    return [...this.#suspects.values()]
  }

  /** @param payload what it came as; its bytes are copied, as they may be written over once the message has ended */
  add({ id, source }: Pick<Message, 'id' | 'source'>, payload: Payload, { evidence }: Quarantined): void {
    const key = `${source}.${id}`
    if (this.#suspects.has(key)) return
    const sha256 = this.#digest(payload)
    const bytes = payloadBytes(payload)
    this.#suspects.set(key, { id, source, evidence, sha256, bytes, payload: copied(payload) })
    this.#bound()
    this.#events.emit({ type: 'quarantined', id, source, evidence })
  }

  /** What is known against a message, by its id or by its bytes. */
  against({ id, source }: Pick<Message, 'id' | 'source'>, payload: Payload): Quarantined | undefined {
    if (this.#suspects.size === 0) return undefined
    const known = this.#suspects.get(`${source}.${id}`) ?? this.#alike(payload)
    return known && new Quarantined(known.evidence)
  }

  /** What is of another size is not hashed. */
  #alike(payload: Payload): Suspect | undefined {
    const bytes = payloadBytes(payload)
    const alike = this.suspects.filter((suspect) => suspect.bytes === bytes)
    if (bytes === 0 || alike.length === 0) return undefined
    const sha256 = this.#digest(payload)
    return alike.find((suspect) => suspect.sha256 === sha256)
  }

  #digest(payload: Payload): string {
    const hash = this.#platform.sha256()
    for (const bytes of partsOf(payload)) hash.update(bytes)
    return hex(hash.digest())
  }

  #bound(): void {
    let kept = 0
    let bytes = 0
    for (const [key, suspect] of [...this.#suspects].reverse()) {
      const { payload, ...rest } = suspect
      if (!payload) continue
      kept += 1
      bytes += payloadBytes(payload)
      if (kept > mostKept || bytes > mostBytes) this.#suspects.set(key, rest)
    }
    const [oldest] = this.#suspects.size > mostKnown ? this.#suspects.keys() : []
    if (oldest !== undefined) this.#suspects.delete(oldest)
  }
}

function partsOf(payload: Payload): readonly Uint8Array[] {
  switch (payload.form) {
    case 'image':
    case 'pixels':
      return [payload.bytes]
    case 'tensors':
      return payload.tensors.map(({ bytes }) => bytes)
    case 'result':
      return []
  }
}

function copied<P extends Payload>(payload: P): P {
  switch (payload.form) {
    case 'image':
    case 'pixels':
      return { ...payload, bytes: payload.bytes.slice() }
    case 'tensors':
      return { ...payload, tensors: payload.tensors.map((tensor) => ({ ...tensor, bytes: tensor.bytes.slice() })) }
    case 'result':
      return payload
  }
}
