import { z } from 'zod'
import { type Clock, made, readOptions } from '../../pipeline/index.ts'

const token = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/

/** What may be said as plain data; the one source of types, defaults and bounds. */
export const connectSchema = z
  .object({
    /**
     * One address or several of one cluster, `nats://USER:PASSWORD@HOST:PORT` or `tls://…`. Default: `NATS_URL`, else
     * `nats://127.0.0.1:4222`. Whom they name counts where no other option names anybody.
     */
    servers: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
    /** Shown in the server's monitoring. */
    name: z.string().min(1).default('quintet'),
    /** How long the first connection may take, ms. */
    connectWithin: z.number().positive().default(5000),
    /** How long the server may take to take note of a subscription, ms; a lost connection counts. */
    subscribeWithin: z.number().positive().default(10_000),
    /** First tokens of the subjects on which replies arrive; give each identity its own where permissions are set. */
    inboxPrefix: z.string().regex(token, 'use letters, digits, "_" and "-", joined by dots').default('_INBOX'),
    /** Between two signs of life, ms: a half-open link is noticed after three. */
    pingInterval: z.number().positive().default(5000),
    /** Least wait between two tries to restore a lost connection, ms; up to as much again is added by chance. */
    reconnectWait: z.number().positive().default(250),
    /** Deliveries whose handlers have not settled, for each subscription; what comes above is refused and counted. */
    pending: z
      .object({
        messages: z.number().int().positive().default(1024),
        bytes: z
          .number()
          .int()
          .positive()
          .default(256 * 1024 * 1024),
      })
      .strict()
      .prefault({}),
    user: z.string().optional(),
    password: z.string().optional(),
    token: z.string().optional(),
    /** The text of a credentials file (JWT and key). */
    credentials: z.string().optional(),
    /** Own certificate authority, certificate and key, as files: TLS or nothing, as with an address `tls://…`. */
    tls: z
      .object({ caFile: z.string().optional(), certFile: z.string().optional(), keyFile: z.string().optional() })
      .strict()
      .optional(),
  })
  .strict()

const others = z.strictObject({
  onFault: made<(error: Error) => void>('a function').optional(),
  onConnection: made<(connected: boolean) => void>('a function').optional(),
  clock: made<Clock>('a clock').optional(),
})

/** Options of `connect`. */
export interface ConnectOptions extends z.input<typeof connectSchema> {
  /** Hears what no caller can: a handler's rejection, refused deliveries, missing permissions. Default: one warning line. */
  readonly onFault?: (error: Error) => void
  /** Hears when the connection is lost and when it is back. */
  readonly onConnection?: (connected: boolean) => void
  /** Times every deadline of the transport. */
  readonly clock?: Clock
}

/** Checked, with defaults filled in. */
export type Settings = z.output<typeof connectSchema>

/** @throws BadConfiguration naming the option that does not pass */
export function settingsFrom(options: ConnectOptions): Settings {
  const { onFault, onConnection, clock, ...plain } = options
  readOptions(others, { onFault, onConnection, clock }, 'connect()')
  return readOptions(connectSchema, plain, 'connect()')
}
