import { from, isObservable, map, type Observable } from 'rxjs'
import type { Capture, FailedCapture, ImagePayload, LiveSource, PullSource, Source } from '../../pipeline/index.ts'

/** What may be captured: an encoded picture's bytes, or a capture with its stream and id. */
export type Frame = Uint8Array | Capture | FailedCapture

export interface CaptureOptions {
  /** A live source keeps the freshest frame and drops, counted, those it replaces. Observables are live by nature. */
  readonly live?: boolean
  readonly name?: string
}

/**
 * Where a pipeline begins: any (async) iterable, pulled as the in-flight window has room, or any Observable, whose
 * freshest frame enters when there is room.
 */
export function capture(frames: Observable<Frame>, options?: CaptureOptions): LiveSource
export function capture(
  frames: AsyncIterable<Frame> | Iterable<Frame>,
  options: CaptureOptions & { live: true },
): LiveSource
export function capture(frames: AsyncIterable<Frame> | Iterable<Frame>, options?: CaptureOptions): Source
export function capture(
  frames: Observable<Frame> | AsyncIterable<Frame> | Iterable<Frame>,
  { live = false, name = 'capture' }: CaptureOptions = {},
): Source {
  if (isObservable(frames)) {
    return { name, kind: 'live', open: () => frames.pipe(map(asCapture)) } satisfies LiveSource
  }
  if (live) return { name, kind: 'live', open: () => from(frames).pipe(map(asCapture)) } satisfies LiveSource
  return { name, kind: 'pull', open: () => captures(frames) } satisfies PullSource
}

async function* captures(frames: AsyncIterable<Frame> | Iterable<Frame>): AsyncGenerator<Capture | FailedCapture> {
  for await (const frame of frames) yield asCapture(frame)
}

function asCapture(frame: Frame): Capture | FailedCapture {
  return frame instanceof Uint8Array ? { payload: picture(frame) } : frame
}

/** An encoded picture as it was captured. */
export function picture(bytes: Uint8Array): ImagePayload<'captured'> {
  return { form: 'image', at: 'captured', bytes }
}
