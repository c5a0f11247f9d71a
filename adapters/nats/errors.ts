import { ErrorCode, NatsError } from 'nats'
import { BadConfiguration, QuintetError, TooLarge, TransportClosed } from '../../pipeline/index.ts'

/** No server took the connection within the time given to the first one. */
export class NatsUnreachable extends TransportClosed {
  /** @param servers as people may read them */
  constructor(servers: readonly string[], ms: number, options?: { cause?: unknown }) {
    const where = servers.join(', ')
    super(`${whyNot(where, ms, options?.cause)}`, options)
  }
}

function whyNot(where: string, ms: number, cause: unknown): string {
  const { message, code } = cause instanceof Error ? (cause as NodeJS.ErrnoException) : { message: '', code: '' }
  if (/maximum (account active )?connections exceeded/i.test(message)) {
    return `The NATS server at ${where} takes no more connections, for ${ms} ms by now (${message}): raise its max_connections, or close some.`
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `The host of ${where} has no address, for ${ms} ms by now (${message}): look at its name, or at the name service.`
  }
  if (isSilence(cause)) {
    const reason = message === '' ? '' : ` (${message})`
    return `No NATS server at ${where} within ${ms} ms${reason}: start one (nats-server), or set NATS_URL to where it runs.`
  }
  return `No connection to the NATS server at ${where} within ${ms} ms: ${message}. Look what answers there, and at its log.`
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

/** What the client says where nobody listens, or says nothing. */
const silence: readonly string[] = [
  ErrorCode.ConnectionRefused,
  ErrorCode.ConnectionTimeout,
  ErrorCode.Timeout,
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]

/** Whether nobody was there, or said a word. */
export function isSilence(error: unknown): boolean {
  return (
    error === undefined || (error instanceof Error && silence.includes((error as NodeJS.ErrnoException).code ?? ''))
  )
}

function isRefusal(error: unknown): error is NatsError {
  return error instanceof NatsError && credentialsRefused.includes(error.code)
}

/** Whether another try with the same options is bound to end the same way. */
export function isFinal(error: unknown): boolean {
  return isRefusal(error) || withoutTls(error) || certificateWrong(error) !== undefined
}

/** TLS was asked for and the server has none. */
function withoutTls(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.ServerOptionNotAvailable && error.message === 'tls'
}

/** What is wrong with a certificate or key, in the words of who looked; undefined where nothing is. */
function certificateWrong(error: unknown): string | undefined {
  const causes = error instanceof NatsError ? [error, error.chainedError] : [error]
  for (const cause of causes) {
    const { code = '', message = '' } = cause instanceof Error ? (cause as NodeJS.ErrnoException) : {}
    if (/CERT|SIGNATURE|^ERR_(TLS|SSL|OSSL)|^ERR_SSL_/.test(code)) return `${message} (${code})`
    if (code === ErrorCode.Tls) return message
  }
  return undefined
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
  if (withoutTls(error)) {
    return new BadConfiguration(
      `The NATS server has no TLS, which ${what} asks for; nothing was sent to it. Give the server a certificate, or use nats:// where clear text will do.`,
      { cause: error },
    )
  }
  const wrong = certificateWrong(error)
  if (wrong !== undefined) {
    return new BadConfiguration(
      `TLS with the NATS server failed on ${what}: ${wrong}. Nothing was sent to it. Look at the server's certificate and name, or give the authority that signed it (tls.caFile), and your own certificate where it wants one.`,
      { cause: error },
    )
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new TransportClosed(`The NATS connection failed on ${what} (${reason}): connect again.`, { cause: error })
}

/** The server's permissions do not allow it. */
export function notAllowed(what: string, cause?: unknown): BadConfiguration {
  return new BadConfiguration(`The NATS server does not allow ${what}: give this user the permission.`, { cause })
}
