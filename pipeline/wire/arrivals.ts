import { base64url } from '../bytes.ts'
import type { Clock } from '../clock.ts'
import { BadMessage, Damaged, type QuintetError, Refused, TooLarge } from '../errors.ts'
import type { Platform } from '../platform.ts'
import { type Boundary, deviceOf } from '../subjects.ts'
import type { Delivery, Parts } from '../transport.ts'
import { Arrival } from './arrival.ts'
import { Assembly } from './chunks.ts'
import type { MessageHeader } from './codec.ts'
import type { Dialects } from './dialects.ts'
import type { Held } from './held.ts'
import { leastChunk } from './limits.ts'
import { type Chunk, readChunk, type Up } from './protocol.ts'

type Offer = Extract<Up, { kind: 'offer' }>

/** Milliseconds after which one that found too many others may ask again. */
const crowdedFor = 100

export interface ArrivalsOptions {
  readonly boundary: Boundary
  readonly node: string
  readonly platform: Platform
  readonly clock: Clock
  readonly dialects: Dialects
  /** Largest message, bytes. */
  readonly maxBytes: number
  /** Bytes of all messages that arrive in chunks at one time. */
  readonly maxArriving: number
}

/** The messages that arrive in chunks at a node: each on a subject of its own, within the bytes there is room for. */
export class Arrivals {
  readonly #options: ArrivalsOptions
  readonly #bySubject = new Map<string, Held>()
  readonly #room: (device: string, bytes: number) => boolean
  #bytes = 0
  #offers = 0
  /** Of this process: chunks for an earlier one of this node's name fit none of its subjects. */
  readonly #run: string

  /** @param room lets something give way to so many bytes of a device; false: nothing does */
  constructor(options: ArrivalsOptions, room: (device: string, bytes: number) => boolean) {
    this.#options = options
    this.#run = base64url(options.platform.randomBytes(6))
    this.#room = room
  }

  /** Why an offer is not taken, if it is not. */
  objection({ sizes, chunk, message }: Offer): QuintetError | undefined {
    const { maxBytes, maxArriving } = this.#options
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    if (bytes === 0 || chunk < leastChunk) {
      return new BadMessage(
        `${bytes} bytes in chunks of ${chunk} were offered; there is no message of 0 bytes, and no chunk of fewer than ${leastChunk}. Only Quintet may publish on this subject.`,
      )
    }
    if (bytes > maxBytes) {
      return new TooLarge(
        `The message has ${bytes} bytes, this node takes ${maxBytes}. Prepare it on the device, or raise maxBytes.`,
      )
    }
    while (this.#bytes + bytes > maxArriving && this.#room(deviceOf(message.source), bytes));
    if (this.#bytes + bytes <= maxArriving) return undefined
    return new Refused('Too many large messages arrive here at once.', { retryAfter: crowdedFor })
  }

  /** Makes room for a message, and a subject for its chunks. */
  begin(held: Held, { message, sizes, chunk }: Offer): void {
    const { boundary, node, platform, clock } = this.#options
    const bytes = new Assembly(sizes, chunk, platform)
    this.#bytes += bytes.byteLength
    held.assembly = { header: message, bytes }
    held.arrival = new Arrival(message, bytes.missing, clock.now())
    held.subject = boundary.chunks(message.source, node, `${this.#run}${(++this.#offers).toString(36)}`)
    this.#bySubject.set(held.subject, held)
  }

  /** Whose chunks come on a subject. */
  of(subject: string): Held | undefined {
    return this.#bySubject.get(subject)
  }

  /**
   * Takes a chunk in; gives the whole message once, when the last one is here.
   * @param acknowledge told the index of a chunk that belongs here
   * @param damaged told the index of one whose bytes were damaged, where that can be read: it is to be sent again
   * @throws BadMessage
   */
  add(
    held: Held,
    { data }: Delivery,
    acknowledge: (index: number) => void,
    damaged: (index: number | undefined) => void,
  ): { readonly header: MessageHeader; readonly parts: Parts } | undefined {
    const { assembly } = held
    const chunk = this.#read(data)
    if (!chunk || chunk.damaged) {
      damaged(chunk?.header.index)
      return undefined
    }
    const whole = assembly?.bytes.add(chunk)
    if (assembly) held.arrival?.observe(assembly.bytes.missing, this.#options.clock.now())
    // Also when all are here: its acknowledgement was lost, or it would not have come again.
    acknowledge(chunk.header.index)
    if (!assembly || !whole) return undefined
    this.#leave(held)
    const parts = assembly.bytes.finish()
    return { header: assembly.header, parts }
  }

  /** Undefined where not even its header can be read. @throws BadMessage */
  #read(data: Parts): Chunk | undefined {
    const { dialects, platform } = this.#options
    try {
      return readChunk(data, dialects, platform)
    } catch (error) {
      if (error instanceof Damaged) return undefined
      throw error
    }
  }

  /** The message is not held any longer. */
  end(held: Held): void {
    this.#leave(held)
    if (held.subject) this.#bySubject.delete(held.subject)
  }

  #leave(held: Held): void {
    this.#bytes -= held.assembly?.bytes.byteLength ?? 0
    held.assembly = undefined
    held.arrival = undefined
  }
}
