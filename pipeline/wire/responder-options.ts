import type { Clock } from '../clock.ts'
import type { QuintetError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Message, Side } from '../message.ts'
import type { Platform } from '../platform.ts'
import type { Boundary } from '../subjects.ts'
import type { ServiceDescription, Transport } from '../transport.ts'

/** What the lower end of a boundary is made with. */
export interface ResponderOptions {
  readonly transport: Transport
  readonly boundary: Boundary
  readonly node: string
  readonly side: Side
  readonly clock: Clock
  readonly platform: Platform
  readonly events: Events
  /** Takes a message into the chain; what comes of it is given to `settle`. */
  readonly accept: (message: Message) => void
  /** A message (by its `keyOf`) is not held any longer: settled; or out of budget or not wanted, as the error says. */
  readonly onReleased?: (key: string, error?: QuintetError) => void
  /** Messages held at once; more are refused. */
  readonly capacity: number
  /** Largest message, bytes. */
  readonly maxBytes?: number
  /** Bytes of all messages that arrive in chunks at one time. */
  readonly maxArriving?: number
  readonly service?: ServiceDescription
  /** Takes messages of this device alone. Default: of all. */
  readonly device?: string
  /** Whether it is of the boundary's group from the start. Default true; else it takes what is sent to it by name. */
  readonly group?: boolean
}
