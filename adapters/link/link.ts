import { type Clock, systemClock } from '../../pipeline/index.ts'
import { Direction, type DirectionShape } from './direction.ts'
import { constantRate, deadRate, type Rate } from './rate.ts'

/** What a link is like: from the device (`up`) and to it. */
export interface LinkShape {
  readonly up: DirectionShape
  readonly down: DirectionShape
}

/**
 * What a link is like, the usual way: both rates, a delay in each direction, and where in the rates' traces it begins, ms.
 */
export function linkShape(shape: {
  readonly up: Rate
  readonly down?: Rate
  readonly delay?: number
  readonly from?: number
}): LinkShape {
  const { up, down = up, delay = 0, from = 0 } = shape
  return { up: { rate: up, delay, from }, down: { rate: down, delay, from } }
}

/** Nothing passes, in either direction; what was sent waits. */
export const deadLink: LinkShape = linkShape({ up: deadRate })

/** No link at all: everything arrives at once. */
export const noLink: LinkShape = linkShape({ up: constantRate(Number.POSITIVE_INFINITY) })

/** An emulated link between a device and the cloud, in user space; switched while it is in use. */
export class EmulatedLink {
  readonly up: Direction
  readonly down: Direction

  constructor(shape: LinkShape, clock: Clock = systemClock) {
    this.up = new Direction(clock, shape.up)
    this.down = new Direction(clock, shape.down)
  }

  /** The link is like this from now on. */
  use(shape: LinkShape): void {
    this.up.use(shape.up)
    this.down.use(shape.down)
  }

  /** Forgets all that is on its way. */
  close(): void {
    this.up.close()
    this.down.close()
  }
}
