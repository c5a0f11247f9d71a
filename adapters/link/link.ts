import { z } from 'zod'
import { type Clock, made, readOptions, systemClock } from '../../pipeline/index.ts'
import { Direction, type DirectionShape } from './direction.ts'
import { constantRate, deadRate, type Rate } from './rate.ts'

/** What a link is like: from the device (`up`) and to it. */
export interface LinkShape {
  readonly up: DirectionShape
  readonly down: DirectionShape
}

/** What a link is like, the usual way. */
export interface LinkShapeOptions {
  /** How fast it is from the device, bit/s over time. */
  readonly up: Rate
  /** How fast it is to the device. Default: as `up`. */
  readonly down?: Rate
  /** Delay in each direction, ms. Default 0. */
  readonly delay?: number
  /** Where in the rates' traces it begins, ms. Default 0. */
  readonly from?: number
}

const shapeOptions = z.strictObject({
  up: made<Rate>('a rate, as constantRate() makes one'),
  down: made<Rate>('a rate, as constantRate() makes one').optional(),
  delay: z.number().min(0).default(0),
  from: z.number().min(0).default(0),
} satisfies Record<keyof LinkShapeOptions, z.ZodType>)

/** @throws BadConfiguration naming the option that is wrong */
export function linkShape(options: LinkShapeOptions): LinkShape {
  const { up, down = up, delay, from } = readOptions(shapeOptions, options, 'linkShape()')
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
