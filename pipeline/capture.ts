import type { Observable } from 'rxjs'
import type { Captured, Payload } from './payload.ts'

/**
 * What a frame carries of its own, besides what was captured; it comes back on its answer.
 * @typeParam M what whoever composes the pipeline keeps with a frame: plain data, at most 4,096 characters of JSON
 */
export interface FrameData<M = unknown> {
  /** When it was captured, ms since 1970. It is handed back and not reckoned with: `ms` says what is part of the deadline. */
  readonly at?: number
  /** Whatever belongs to the frame. It stays in the process that captures, and is handed back as it is. */
  readonly meta?: M
  /** Milliseconds from capture within which this frame's answer is on time. Default: the pipeline's. At most 24 h. */
  readonly deadline?: number
  /**
   * The accuracy that this frame's answer should have, 0…1: a model whose accuracy is known to be less is planned only where
   * none is known to reach it; then the most accurate are. A backup may be any: it stands in where there is no answer.
   */
  readonly accuracy?: number
}

/**
 * One captured thing, before it is a message. Its bytes belong to the pipeline from the moment it is handed in until its
 * message has settled: whoever gave them leaves them alone, or lets the source copy them.
 */
export interface Capture<P extends Payload = Captured, M = unknown> extends FrameData<M> {
  readonly payload: P
  /** Its stream on this device, a token; one stream keeps its order. Default `main`. */
  readonly stream?: string
  /** Unique over all devices for as long as duplicates may come; made up where absent. */
  readonly id?: string
  /** Milliseconds that capturing took before the source gave it; they are part of its deadline. Default 0. */
  readonly ms?: number
}

/** A capture that went wrong: it is a message all the same, which fails at once, and the source goes on. */
export interface FailedCapture {
  readonly error: unknown
  readonly stream?: string
  readonly id?: string
}

/**
 * Where messages come from. A `pull` source is asked for the next one when the in-flight window has a place; a `live`
 * source pushes: of each stream the freshest frame waits for a place, streams are served in turn, and the frames that are
 * replaced are dropped, counted.
 */
export type Source<P extends Payload = Captured, M = unknown> = PullSource<P, M> | LiveSource<P, M>

/** What holds for the frames of a source, whichever way they come. */
export interface Handover {
  /** Frames are copied when they are handed in, so that they may be written over at once. Default: they are not. */
  readonly copy?: boolean
  /** A frame that was written over before its message had settled fails as `FrameChanged`. Default: nobody looks. */
  readonly checkOwnership?: boolean
}

/** Asked for the next capture when there is room for it. */
export interface PullSource<P extends Payload = Captured, M = unknown> extends Handover {
  readonly name: string
  readonly kind: 'pull'
  /** Opens it. An error it throws ends the source; what went before is still answered. */
  open(signal: AbortSignal): AsyncIterable<Capture<P, M> | FailedCapture>
}

/** Gives captures when they happen. */
export interface LiveSource<P extends Payload = Captured, M = unknown> extends Handover {
  readonly name: string
  readonly kind: 'live'
  /** Streams of which a frame may wait for a place at one time; of more, the one that waits longest goes. Default 64. */
  readonly streams?: number
  /**
   * Bytes of frames that may wait: then every frame waits in line instead of the freshest of each stream, and one that
   * finds the line full fails as `MailboxFull`.
   */
  readonly buffer?: number
  open(signal: AbortSignal): Observable<Capture<P, M> | FailedCapture>
}
