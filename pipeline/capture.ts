import type { Observable } from 'rxjs'
import type { Captured, Payload } from './payload.ts'

/** One captured thing, before it is a message. */
export interface Capture<P extends Payload = Captured> {
  readonly payload: P
  /** Its stream on this device, a token; one stream keeps its order. Default `main`. */
  readonly stream?: string
  /** Unique over all devices for as long as duplicates may come; made up where absent. */
  readonly id?: string
  /** Milliseconds that capturing took, where the source knows better than the time it was waited for. */
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
 * source pushes, the freshest frame waits for a place and those it replaces are dropped, counted.
 */
export type Source<P extends Payload = Captured> = PullSource<P> | LiveSource<P>

/** Asked for the next capture when there is room for it. */
export interface PullSource<P extends Payload = Captured> {
  readonly name: string
  readonly kind: 'pull'
  /** Opens it. An error it throws ends the source; what went before is still answered. */
  open(signal: AbortSignal): AsyncIterable<Capture<P> | FailedCapture>
}

/** Gives captures when they happen. */
export interface LiveSource<P extends Payload = Captured> {
  readonly name: string
  readonly kind: 'live'
  open(signal: AbortSignal): Observable<Capture<P> | FailedCapture>
}
