import { blankFrame, Frames } from '../../../adapters/simulation/frame.ts'
import { checked } from '../../../adapters/simulation/scenario.ts'
import { decoders, delay, devices, executors, type Point, scenarioOf, workOf } from './point.ts'

/** A frame that was captured and has not been let in. */
interface Captured {
  readonly at: number
  readonly stage: number
  readonly decode: number
  readonly model: number
}

/** One device: its servers, and the places of its window. */
interface Device {
  readonly frames: Frames
  readonly places: number[]
  next: Captured
  waiting: Captured | undefined
  stage: number
  uplink: number
}

/**
 * What a scheduler that knows all captures beforehand answers on time with the same frames, window and servers: it lets
 * in a frame, the freshest first, only if that will be on time, so that no server ever works for nothing. Work takes what
 * it takes on average: by the chance of a single run nobody can choose. Simulated.
 */
export function clairvoyant(
  point: Point,
  seed: number,
  seconds: number,
): { readonly offered: number; readonly onTime: number } {
  const work = workOf(point)
  const scenario = checked(scenarioOf(point))
  const most = 1000 * seconds
  const frame = blankFrame()
  const decoding = new Servers(decoders)
  const running = new Servers(executors)
  const upload = (8000 * work.bytes) / work.uplink
  let offered = 0
  let onTime = 0

  const capture = (frames: Frames, after: number): Captured => {
    const at = after + frames.pause()
    frames.next(frame, at)
    return { at, ...work }
  }
  const all: Device[] = Array.from({ length: devices }, (_, number) => {
    const frames = new Frames(scenario, 1000 * seed + number)
    const next = capture(frames, 0)
    return {
      frames,
      places: new Array<number>(point.window ?? 8).fill(0),
      next,
      waiting: undefined,
      stage: 0,
      uplink: 0,
    }
  })

  /** Lets a frame in at `now` if it will be on time, and keeps the servers for it. */
  const enter = (device: Device, frame: Captured, now: number): boolean => {
    const staged = Math.max(now, device.stage) + frame.stage
    const sent = Math.max(staged, device.uplink) + upload
    const decode = decoding.earliest(sent + delay, frame.decode, now)
    const run = running.earliest(decode.end, frame.model, now)
    const answered = run.end + delay
    if (answered > frame.at + point.deadline) return false
    device.stage = staged
    device.uplink = sent
    decoding.keep(decode)
    running.keep(run)
    device.places[earliest(device.places)] = answered
    onTime++
    return true
  }

  for (;;) {
    // What happens next: a place becomes free for a frame that waits, or a capture.
    let device: Device | undefined
    let at = Number.POSITIVE_INFINITY
    for (const one of all) {
      const place = one.waiting ? Math.min(...one.places) : Number.POSITIVE_INFINITY
      const soon = Math.min(place, one.next.at > most ? Number.POSITIVE_INFINITY : one.next.at)
      if (soon < at) {
        at = soon
        device = one
      }
    }
    if (!device) return { offered, onTime }
    if (device.waiting && Math.min(...device.places) <= at) {
      enter(device, device.waiting, at)
      device.waiting = undefined
      continue
    }
    const frame = device.next
    offered++
    device.next = capture(device.frames, frame.at)
    if (Math.min(...device.places) > at) device.waiting = frame
    else enter(device, frame, at)
  }
}

/** A server's time that is given away. */
interface Kept {
  readonly server: number
  readonly start: number
  readonly end: number
}

/** Servers that do one thing at a time each, whose future is given away piece by piece; gaps between pieces are used. */
class Servers {
  readonly #kept: Kept[][]

  constructor(count: number) {
    this.#kept = Array.from({ length: count }, () => [])
  }

  /** The earliest piece of `ms` from `ready` on. What ended before `now` is forgotten. */
  earliest(ready: number, ms: number, now: number): Kept {
    let best: Kept | undefined
    this.#kept.forEach((pieces, server) => {
      while (pieces.length > 0 && (pieces[0] as Kept).end <= now) pieces.shift()
      let start = ready
      for (const piece of pieces) {
        if (piece.start >= start + ms) break
        start = Math.max(start, piece.end)
      }
      if (!best || start < best.start) best = { server, start, end: start + ms }
    })
    return best as Kept
  }

  keep(piece: Kept): void {
    const pieces = this.#kept[piece.server] as Kept[]
    const at = pieces.findIndex(({ start }) => start > piece.start)
    pieces.splice(at < 0 ? pieces.length : at, 0, piece)
  }
}

function earliest(times: readonly number[]): number {
  let best = 0
  for (let index = 1; index < times.length; index++)
    if ((times[index] as number) < (times[best] as number)) best = index
  return best
}
