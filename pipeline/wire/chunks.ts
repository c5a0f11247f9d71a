import { hex } from '../bytes.ts'
import type { Clock, Timer } from '../clock.ts'
import { BadMessage } from '../errors.ts'
import type { Hash, Platform } from '../platform.ts'
import type { Parts, Transport } from '../transport.ts'
import { dialectsOf } from './dialects.ts'
import { packFrame, totalBytes } from './frame.ts'
import type { Path } from './path.ts'
import type { ChunkHeader } from './protocol.ts'

export const chunkCount = (bytes: number, chunk: number) => Math.ceil(bytes / chunk)

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
  readonly #hash: Hash
  readonly #sent = new Map<number, Sent>()
  readonly #acked = new Set<number>()
  #sha256: string | undefined
  #next = 0
  /** Chunks that the digest has grown by. */
  #hashed = 0
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
    platform: Platform
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
    this.#hash = options.platform.sha256()
    this.#count = chunkCount(totalBytes(options.parts), options.chunk)
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
    if (index === this.#hashed) {
      // Chunks leave in order the first time, so the digest grows with them and never blocks for long.
      for (const part of slice) this.#hash.update(part)
      if (++this.#hashed === this.#count) this.#sha256 = hex(this.#hash.digest())
    }
    const header: ChunkHeader = index === this.#count - 1 && this.#sha256 ? { index, sha256: this.#sha256 } : { index }
    this.#sent.set(index, { at: this.#clock.now(), delivered: this.#delivered })
    this.#sentBytes += totalBytes(slice)
    try {
      const frame = packFrame(header, slice, dialectsOf(this.#transport), this.#version)
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

/** Puts the chunks of one message together, in whatever order and however often they come. */
export class Assembly {
  readonly #bytes: Uint8Array
  readonly #sizes: readonly number[]
  /** Bytes of each chunk but the last. */
  readonly chunk: number
  readonly #got: Uint8Array
  #missing: number
  readonly #hash: Hash
  #hashed = 0
  #sha256: string | undefined

  constructor(sizes: readonly number[], chunk: number, { sha256 }: Pick<Platform, 'sha256'>) {
    this.#hash = sha256()
    const total = sizes.reduce((sum, size) => sum + size, 0)
    this.#sizes = sizes
    this.chunk = chunk
    this.#bytes = new Uint8Array(total)
    this.#missing = chunkCount(total, chunk)
    this.#got = new Uint8Array(this.#missing)
  }

  get byteLength(): number {
    return this.#bytes.byteLength
  }

  /** Chunks that have not come. */
  get missing(): number {
    return this.#missing
  }

  /**
   * Takes a chunk; true when all have come.
   * @throws BadMessage when it does not belong here
   */
  add(header: ChunkHeader, parts: Parts): boolean {
    const at = header.index * this.chunk
    const expected = Math.min(this.chunk, this.#bytes.byteLength - at)
    if (header.index >= this.#got.length || totalBytes(parts) !== expected) {
      throw new BadMessage(`Chunk ${header.index} does not fit the message that was offered. Send the message again.`)
    }
    if (header.sha256) this.#sha256 = header.sha256
    if (this.#got[header.index]) return this.#missing === 0
    let offset = at
    for (const part of parts) {
      this.#bytes.set(part, offset)
      offset += part.byteLength
    }
    this.#got[header.index] = 1
    this.#missing--
    this.#hashOn()
    return this.#missing === 0
  }

  /** The message's parts, checked whole. @throws BadMessage when the digest differs */
  finish(): Parts {
    if (hex(this.#hash.digest()) !== this.#sha256) {
      throw new BadMessage('The chunks do not add up to what was sent (sha256 differs). Send the message again.')
    }
    let at = 0
    return this.#sizes.map((size) => {
      const part = this.#bytes.subarray(at, at + size)
      at += size
      return part
    })
  }

  #hashOn(): void {
    while (this.#hashed < this.#got.length && this.#got[this.#hashed]) {
      this.#hash.update(this.#bytes.subarray(this.#hashed * this.chunk, (this.#hashed + 1) * this.chunk))
      this.#hashed++
    }
  }
}
