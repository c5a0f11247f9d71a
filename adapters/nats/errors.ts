import { ErrorCode, NatsError } from 'nats'
import { BadConfiguration, QuintetError, TooLarge, TransportClosed } from '../../pipeline/index.ts'

/** No server answered within the time given to the first connection. */
export class NatsUnreachable extends TransportClosed {
  constructor(servers: readonly string[], ms: number, options?: { cause?: unknown }) {
    const reason = options?.cause instanceof Error ? ` (${options.cause.message})` : ''
    super(
      `No NATS server at ${servers.join(', ')} within ${ms} ms${reason}: start one (nats-server), or set NATS_URL to where it runs.`,
      options,
    )
  }
}

/** The connection is down and being restored; nothing was sent. */
export class NatsDisconnected extends TransportClosed {
  constructor(what: string) {
    super(`The NATS connection is down and being restored, so ${what} was not sent: send it again once it is back.`, {
      retryable: true,
    })
  }
}

/** The transport was drained or closed by its owner. */
export function closedError(): TransportClosed {
  return new TransportClosed('The NATS connection was closed: connect again to send or listen.')
}

const credentialsRefused: readonly string[] = [
  ErrorCode.AuthorizationViolation,
  ErrorCode.AuthenticationExpired,
  ErrorCode.AuthenticationTimeout,
  ErrorCode.AccountExpired,
  ErrorCode.BadAuthentication,
  ErrorCode.BadCreds,
]

/** Whether another try with the same credentials is bound to end the same way. */
export function isRefusal(error: unknown): boolean {
  return error instanceof NatsError && credentialsRefused.includes(error.code)
}

const advice = 'raise it in its configuration, or send less at once.'

/** More than the server takes of one message, headers included. */
export function tooLarge(bytes: number, what: string, most: number): TooLarge {
  return new TooLarge(`${bytes} bytes for ${what} exceed the server's max_payload of ${most}: ${advice}`)
}

/** What the client threw, in Quintet's words. */
export function fromClient(error: unknown, what: string): QuintetError {
  if (error instanceof QuintetError) return error
  if (error instanceof NatsError) {
    if (error.code === ErrorCode.MaxPayloadExceeded) {
      return new TooLarge(`What was to be sent for ${what} exceeds the server's max_payload: ${advice}`, {
        cause: error,
      })
    }
    if (error.code === ErrorCode.PermissionsViolation) return notAllowed(what, error)
    if (isRefusal(error)) {
      return new BadConfiguration(`The NATS server refuses these credentials (${error.message}): check them.`, {
        cause: error,
      })
    }
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new TransportClosed(`The NATS connection failed on ${what} (${reason}): connect again.`, { cause: error })
}

/** The server's permissions do not allow it. */
export function notAllowed(what: string, cause?: unknown): BadConfiguration {
  return new BadConfiguration(`The NATS server does not allow ${what}: give this user the permission.`, { cause })
}
