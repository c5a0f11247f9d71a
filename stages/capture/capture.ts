import { isObservable, map, Observable } from 'rxjs'
import { z } from 'zod'
import {
  BadConfiguration,
  type Capture,
  type Captured,
  described,
  type FailedCapture,
  type ImagePayload,
  isBytes,
  type LiveSource,
  type PullSource,
  readOptions,
  type Source,
  systemClock,
  yieldTo,
} from '../../pipeline/index.ts'

/**
 * What may be captured: an encoded picture's bytes, or a capture with its stream, its id and what it carries of its own
 * (`FrameData`).
 * @typeParam M what is kept with a frame and comes back on its answer
 */
export type Frame<M = unknown> = Uint8Array | Capture<Captured, M> | FailedCapture

const settings = z.strictObject({
  /**
   * A live source keeps the freshest frame of each stream and drops, counted, those it replaces. Default: whether it is
   * an Observable. One that is not live (`false`) has every frame wait in line, up to `buffer`.
   */
  live: z.boolean().optional(),
  /** For faults. Default `capture`. */
  name: z.string().default('capture'),
  /**
   * Frames are copied when they are handed in, so that they may be written over at once, as ring buffers do. Default
   * false: they belong to the pipeline until their messages have settled, and are not copied. Costs the memory of the
   * frames in flight once more, and about 0.1 ms a megabyte.
   */
  copy: z.boolean().default(false),
  /**
   * Looks for frames that were written over before their messages had settled; each fails as `FrameChanged` instead of
   * being answered wrongly. Default false. For development: reads every frame twice, 1 to 3 ms a megabyte.
   */
  checkOwnership: z.boolean().default(false),
  /** Of a live source: streams of which a frame may wait at one time. Default 64. */
  streams: z.number().int().min(1).max(65_536).optional(),
  /**
   * Of an Observable that is not live: bytes of frames that may wait, for it cannot be slowed down; one that no longer
   * fits fails as `MailboxFull`. Default 256 MiB.
   */
  buffer: z.number().int().min(1).optional(),
})

export type CaptureOptions = z.input<typeof settings>

/**
 * Where a pipeline begins: any (async) iterable, pulled as the in-flight window has room, or any Observable, of which the
 * freshest frame of each stream enters when there is room.
 *
 * A frame belongs to the pipeline from the moment it is handed in until its message has settled (`copy`, `checkOwnership`
 * say more). What is no frame (null, a string, an object without bytes) is one failed capture, as is a promise of the
 * iterable that rejects; the others go on. What the iterator itself throws, or the Observable errors with, ends the
 * source.
 *
 *     capture(files)                                            // each when there is room for it
 *     capture(camera$)                                          // the freshest
 *     capture(camera$, { live: false, buffer: 64 * 2 ** 20 })   // every one, of which 64 MiB may wait
 *     capture(ring, { copy: true })                             // frames that are written over
 *
 * @throws BadConfiguration a bad option, or nothing that frames could come from
 */
export function capture<M = unknown>(frames: Observable<Frame<M>>, options?: CaptureOptions): LiveSource<Captured, M>
export function capture<M = unknown>(
  frames: AsyncIterable<Frame<M>> | Iterable<Frame<M>>,
  options: CaptureOptions & { live: true },
): LiveSource<Captured, M>
export function capture<M = unknown>(
  frames: AsyncIterable<Frame<M>> | Iterable<Frame<M>>,
  options?: CaptureOptions,
): Source<Captured, M>
export function capture(
  frames: Observable<Frame> | AsyncIterable<Frame> | Iterable<Frame>,
  options: CaptureOptions = {},
): Source {
  const checked = readOptions(settings, options, 'capture()')
  const pushes = isObservable(frames)
  const { live = pushes, name, copy, checkOwnership, streams, buffer } = checked
  if (streams !== undefined && !live) throw unused('streams', 'live sources')
  if (buffer !== undefined && (live || !pushes)) throw unused('buffer', 'Observables that are not live')
  const common = { name, copy, checkOwnership }
  if (pushes) {
    const open = () => frames.pipe(map(asCapture))
    const waiting = live ? (streams === undefined ? {} : { streams }) : { buffer: buffer ?? 256 * 2 ** 20 }
    return { ...common, kind: 'live', open, ...waiting } satisfies LiveSource
  }
  assertIterable(frames)
  // Their rejections would go unheard until their turn, and end the program.
  if (Array.isArray(frames)) for (const frame of frames) if (isPromise(frame)) frame.catch(() => {})
  if (!live) return { ...common, kind: 'pull', open: () => captures(frames) } satisfies PullSource
  const open = () => pushed(frames)
  return { ...common, kind: 'live', open, ...(streams === undefined ? {} : { streams }) } satisfies LiveSource
}

/** An encoded picture as it was captured. */
export function picture(bytes: Uint8Array): ImagePayload<'captured'> {
  return { form: 'image', at: 'captured', bytes }
}

async function* captures(frames: AsyncIterable<Frame> | Iterable<Frame>): AsyncGenerator<Capture | FailedCapture> {
  if (Symbol.asyncIterator in frames) for await (const frame of frames) yield await settledFrame(frame)
  else for (const frame of frames) yield await settledFrame(frame)
}

/** A promise among the frames is waited for; one that rejects is a capture that went wrong. */
async function settledFrame(frame: Frame | PromiseLike<Frame>): Promise<Capture | FailedCapture> {
  try {
    return asCapture(await frame)
  } catch (error) {
    return { error }
  }
}

/** Frames pushed as fast as they come; timers and sockets get their turn, for a list never waits by itself. */
function pushed(frames: AsyncIterable<Frame> | Iterable<Frame>): Observable<Capture | FailedCapture> {
  return new Observable((subscriber) => {
    const iterator = captures(frames)
    const run = async () => {
      for (let taken = 1; !subscriber.closed; taken++) {
        if (taken % 64 === 0) await new Promise<void>((resolve) => yieldTo(systemClock, resolve))
        const next = await iterator.next()
        if (next.done) return subscriber.complete()
        subscriber.next(next.value)
      }
    }
    run().catch((error) => subscriber.error(error))
    return () => {
      // A generator that waits for its next frame ends behind it.
      iterator.return(undefined).catch(() => {})
    }
  })
}

/** What is no frame is handed on as it is: the pipeline says so, with its number. */
function asCapture(frame: Frame): Capture | FailedCapture {
  return isBytes(frame) ? { payload: picture(frame) } : (frame as Capture | FailedCapture)
}

function isPromise(value: unknown): value is Promise<unknown> {
  try {
    return value instanceof Promise
  } catch {
    // A proxy may refuse even that.
    return false
  }
}

function assertIterable(frames: unknown): void {
  if (typeof frames === 'object' && frames !== null && !isBytes(frames)) {
    if (Symbol.asyncIterator in frames || Symbol.iterator in frames) return
  }
  throw new BadConfiguration(
    `capture() got ${described(frames)}. Give a list of frames, an (async) iterable, or an Observable of them.`,
  )
}

function unused(option: string, where: string): BadConfiguration {
  return new BadConfiguration(`The option "${option}" of capture() is for ${where}. Leave it out here.`)
}
