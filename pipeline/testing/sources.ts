import { Subject } from 'rxjs'
import type { Capture, FailedCapture, LiveSource, PullSource } from '../capture.ts'

/**
 * A source that is pulled: so many small pictures, or the captures given; an error among them ends it.
 *
 *     frames(10)
 *     frames([{ payload: picture }, { error: new BadInput('torn') }, new Error('the camera fell')])
 *
 * @param captures how many, or which; an `Error` is thrown by the source when its turn comes
 */
export function frames(captures: number | Iterable<Capture | FailedCapture | Error>): PullSource {
  return {
    name: 'frames',
    kind: 'pull',
    async *open() {
      for (const capture of typeof captures === 'number' ? numbered(captures) : captures) {
        if (capture instanceof Error) throw capture
        yield capture
      }
    },
  }
}

/** A live source that the test pushes. */
export interface Camera extends LiveSource {
  /** Shows a frame: a small picture where none is given. */
  show(capture?: Partial<Capture> | FailedCapture): void
  /** The source has ended. */
  end(): void
  /** The source has failed for good. */
  fail(error: unknown): void
  /** Whether a pipeline watches. */
  readonly watched: boolean
}

/**
 * A source that shows frames when the test says so.
 *
 *     const camera = camera()
 *     const running = pipeline('a', {}, camera, answering()).run()
 *     camera.show()
 *     camera.end()
 */
export function camera(): Camera {
  const shown = new Subject<Capture | FailedCapture>()
  let count = 0
  return {
    name: 'camera',
    kind: 'live',
    open: () => shown,
    show: (capture = {}) => shown.next('error' in capture ? capture : { ...frame(count++), ...capture }),
    end: () => shown.complete(),
    fail: (error) => shown.error(error),
    get watched() {
      return shown.observed
    },
  }
}

function* numbered(count: number): Generator<Capture> {
  for (let n = 0; n < count; n++) yield frame(n)
}

function frame(n: number): Capture {
  return { payload: { form: 'image', at: 'captured', bytes: Uint8Array.of(n & 0xff, n >> 8) } }
}
