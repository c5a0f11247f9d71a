import type { Clock, Timer } from '../clock.ts'
import { BadMessage, Damaged } from '../errors.ts'
import type { Parts, Transport } from '../transport.ts'
import { dialectsOf } from './dialects.ts'
import { type Checking, checkOf, packFrame, totalBytes } from './frame.ts'
import type { Path } from './path.ts'
import type { Chunk, ChunkHeader } from './protocol.ts'

export const chunkCount = (bytes: number, chunk: number) => Math.ceil(bytes / chunk)

/** A chunk is sent again for being damaged so many times, on average of all, before the way counts as unfit. */
const mostDamaged = 8

interface Sent {
  at: number
  /** Bytes that had been acknowledged when it left. */
  delivered: number
}

/** Sends the bytes of one message in chunks, a window of them in flight, each again if it stays unacknowledged. */
export class ChunkSender {
  readonly #transport: Transport
  readonly #subject: string
  readonly #version: number
  readonly #parts: Parts
  readonly #chunk: number
  readonly #clock: Clock
  readonly #path: Path
  readonly #onError: (error: unknown) => void
  readonly #count: number
  readonly #checking: Checking
  readonly #checks: Checks
  readonly #sent = new Map<number, Sent>()
  readonly #acked = new Set<number>()
  #next = 0
  #damaged = 0
  #delivered = 0
  #sentBytes = 0
  #progress: number
  #stopped = false
  #timer: Timer | undefined

  constructor(options: {
    transport: Transport
    subject: string
    /** Of the wire, in which the message was offered. */
    version: number
    parts: Parts
    /** Bytes of each chunk but the last. */
    chunk: number
    clock: Clock
    platform: Checking
    path: Path
    /** Publishing failed: the attempt is over. */
    onError: (error: unknown) => void
  }) {
    this.#transport = options.transport
    this.#subject = options.subject
    this.#version = options.version
    this.#parts = options.parts
    this.#chunk = options.chunk
    this.#clock = options.clock
    this.#path = options.path
    this.#onError = options.onError
    this.#checking = options.platform
    this.#count = chunkCount(totalBytes(options.parts), options.chunk)
    this.#checks = new Checks(this.#count)
    this.#progress = options.clock.now()
  }

  /** Bytes put on the wire so far, chunks sent again included. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Whether all of them were acknowledged. */
  get done(): boolean {
    return this.#acked.size === this.#count
  }

  start(): void {
    this.#fill()
    this.#watch()
  }

  acknowledge(index: number): void {
    const sent = this.#sent.get(index)
    if (!sent || this.#acked.has(index)) return
    const now = this.#clock.now()
    this.#acked.add(index)
    this.#sent.delete(index)
    const bytes = totalBytes(this.#slice(index))
    this.#delivered += bytes
    this.#path.observeRate(this.#delivered - sent.delivered, now - sent.at)
    this.#progress = now
    if (this.#acked.size === this.#count) this.#timer?.cancel()
    else this.#fill()
  }

  /** A chunk came damaged: that one; where nobody can tell which it was, the one that left first, as ways keep order. */
  again(index: number | undefined): void {
    const [first] = this.#sent.keys()
    const which = index ?? first
    if (this.#stopped || which === undefined || !this.#sent.delete(which)) return
    if (++this.#damaged > mostDamaged * this.#count) {
      this.#onError(new Damaged(`${this.#damaged} chunks came damaged. Look at what stands between the two sides.`))
    } else this.#send(which)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#sent.clear()
  }

  #fill(): void {
    const limit = this.#path.inFlight(this.#chunk)
    while (!this.#stopped && this.#next < this.#count && this.#sent.size < limit) this.#send(this.#next++)
  }

  #send(index: number): void {
    const slice = this.#slice(index)
    // Chunks leave in order the first time: before the last one goes, the checks of all others are known.
    const header: ChunkHeader =
      index === this.#count - 1 ? { index, digest: this.#checks.digest(this.#checking) } : { index }
    this.#sent.set(index, { at: this.#clock.now(), delivered: this.#delivered })
    this.#sentBytes += totalBytes(slice)
    try {
      const frame = packFrame(header, slice, dialectsOf(this.#transport), this.#version, this.#checking)
      this.#checks.set(index, checkOf(frame))
      this.#transport.publish(this.#subject, frame)
    } catch (error) {
      if (this.#transport.connected) this.#onError(error)
      // Otherwise the connection is being restored: the chunk stays unacknowledged and goes again.
    }
  }

  /** Sends again what stays unacknowledged while nothing moves: chunks are lost when a connection breaks. */
  #watch(): void {
    if (this.#stopped) return
    const patience = Math.max(500, 4 * ((this.#path.rtt ?? 100) + this.#path.uploadTime(this.#chunk) * this.#sent.size))
    this.#timer = this.#clock.after(patience / 2, () => {
      if (this.#transport.connected && this.#clock.now() - this.#progress >= patience) {
        this.#progress = this.#clock.now()
        for (const index of [...this.#sent.keys()]) if (!this.#stopped) this.#send(index)
      }
      this.#watch()
    })
  }

  /** Views of the bytes of one chunk, across the parts they lie in. */
  #slice(index: number): Parts {
    let skip = index * this.#chunk
    let want = this.#chunk
    const views: Uint8Array[] = []
    for (const part of this.#parts) {
      if (want === 0) break
      if (skip >= part.byteLength) {
        skip -= part.byteLength
        continue
      }
      const view = part.subarray(skip, skip + want)
      skip = 0
      want -= view.byteLength
      views.push(view)
    }
    return views
  }
}

/** The checks of the chunks of one message, by which they are told from those of another. */
class Checks {
  readonly #bytes: DataView

  constructor(count: number) {
    this.#bytes = new DataView(new ArrayBuffer(4 * count))
  }

  set(index: number, check: number): void {
    this.#bytes.setUint32(4 * index, check, true)
  }

  get(index: number): number {
    return this.#bytes.getUint32(4 * index, true)
  }

  /** Of the checks of all chunks but the last, which carries it. */
  digest({ crc32 }: Checking): number {
    return crc32(new Uint8Array(this.#bytes.buffer, 0, this.#bytes.byteLength - 4))
  }
}

/** Puts the chunks of one message together, in whatever order and however often they come. */
export class Assembly {
  readonly #bytes: Uint8Array
  readonly sizes: readonly number[]
  /** Bytes of each chunk but the last. */
  readonly chunk: number
  readonly #got: Uint8Array
  #missing: number
  readonly #checking: Checking
  readonly #checks: Checks
  #digest: number | undefined

  constructor(sizes: readonly number[], chunk: number, checking: Checking) {
    const total = sizes.reduce((sum, size) => sum + size, 0)
    this.sizes = sizes
    this.chunk = chunk
    this.#bytes = new Uint8Array(total)
    this.#missing = chunkCount(total, chunk)
    this.#got = new Uint8Array(this.#missing)
    this.#checking = checking
    this.#checks = new Checks(this.#missing)
  }

  get byteLength(): number {
    return this.#bytes.byteLength
  }

  /** Chunks that have not come. */
  get missing(): number {
    return this.#missing
  }

  /**
   * Takes a chunk that is not damaged; true when all have come.
   * @throws BadMessage when it does not belong here
   */
  add({ header, parts, check }: Pick<Chunk, 'header' | 'parts' | 'check'>): boolean {
    const { index } = header
    const at = index * this.chunk
    const expected = Math.min(this.chunk, this.#bytes.byteLength - at)
    if (index >= this.#got.length || totalBytes(parts) !== expected) {
      throw new BadMessage(`Chunk ${index} does not fit the message that was offered. Send the message again.`)
    }
    if (header.digest !== undefined) this.#digest = header.digest
    if (this.#got[index]) {
      if (this.#checks.get(index) !== check) throw ofTwoMessages(`chunk ${index} came with other bytes before`)
      return this.#missing === 0
    }
    let offset = at
    for (const part of parts) {
      this.#bytes.set(part, offset)
      offset += part.byteLength
    }
    this.#checks.set(index, check)
    this.#got[index] = 1
    this.#missing--
    return this.#missing === 0
  }

  /** The message's parts. @throws BadMessage the chunks are not all of the same message */
  finish(): Parts {
    if (this.#checks.digest(this.#checking) !== this.#digest) throw ofTwoMessages('their digest is another')
    let at = 0
    return this.sizes.map((size) => {
      const part = this.#bytes.subarray(at, at + size)
      at += size
      return part
    })
  }
}

function ofTwoMessages(why: string): BadMessage {
  return new BadMessage(
    `The chunks are not all of one message: ${why}. Give each capture an id of its own, or none, and send it again.`,
  )
}
