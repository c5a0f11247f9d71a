import type { Capture } from '../capture.ts'
import { payloadBytes } from '../payload.ts'

/** A frame that waits for a place in the in-flight window; `at`, local clock, ms: when it was captured. */
export interface WaitingFrame {
  readonly capture: Capture
  readonly at: number
}

/** The frames of a pushing source that wait for a place. */
export interface WaitingFrames {
  /** Takes a frame in. @returns the frame that has to go for it: an older one, or this one itself */
  push(frame: WaitingFrame): WaitingFrame | undefined
  /** The frame whose turn it is. */
  take(): WaitingFrame | undefined
  /** Frames that wait. */
  readonly size: number
}

/**
 * The freshest frame of each stream: a new one replaces the one that waits. Streams are served in turn, the one that has
 * waited longest first. Above `most` streams, the frame of that one goes.
 */
export class Freshest implements WaitingFrames {
  readonly #most: number
  /** By stream; in the order in which they began to wait, which a fresher frame does not change. */
  readonly #slots = new Map<string, WaitingFrame>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#slots.size
  }

  push(frame: WaitingFrame): WaitingFrame | undefined {
    const { stream = 'main' } = frame.capture
    const replaced = this.#slots.get(stream)
    const full = !replaced && this.#slots.size >= this.#most
    const pushedOut = full ? this.take() : replaced
    this.#slots.set(stream, frame)
    return pushedOut
  }

  take(): WaitingFrame | undefined {
    const [first] = this.#slots
    if (!first) return undefined
    this.#slots.delete(first[0])
    return first[1]
  }
}

/** What a frame that waits occupies beside its payload, bytes: so that a flood of tiny ones is bounded as well. */
const overhead = 1024

/** Every frame, oldest first, up to so many bytes; one that no longer fits has to go. A single frame always fits. */
export class Backlog implements WaitingFrames {
  readonly #most: number
  readonly #frames: WaitingFrame[] = []
  #bytes = 0

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#frames.length
  }

  push(frame: WaitingFrame): WaitingFrame | undefined {
    const bytes = sizeOf(frame)
    if (this.#frames.length > 0 && this.#bytes + bytes > this.#most) return frame
    this.#frames.push(frame)
    this.#bytes += bytes
    return undefined
  }

  take(): WaitingFrame | undefined {
    const frame = this.#frames.shift()
    if (frame) this.#bytes -= sizeOf(frame)
    return frame
  }
}

const sizeOf = ({ capture }: WaitingFrame) => payloadBytes(capture.payload) + overhead
