import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import {
  type ConnectionOptions,
  connect as connectClient,
  credsAuthenticator,
  type NatsConnection,
  type TlsOptions,
} from 'nats'
import {
  type BackoffPolicy,
  type Clock,
  guardedFault,
  pauseAfter,
  sleep,
  systemClock,
  within,
} from '../../pipeline/index.ts'
import { type Addresses, readAddresses } from './addresses.ts'
import { NatsCore, type NatsTransport } from './core.ts'
import { fromClient, isFinal, isSilence, NatsUnreachable } from './errors.ts'
import { turnedAway } from './greeting.ts'
import { type ConnectOptions, type Settings, settingsFrom } from './options.ts'

const defaultServer = 'nats://127.0.0.1:4222'
/** How long one dial may take before the next is tried, ms. */
const dialWithin = 2000

/**
 * Connects to a NATS server, waiting for it to come up, and keeps the connection restored from then on.
 * An address `tls://…` is spoken to over TLS or not at all: nothing is sent in clear text.
 * @throws BadConfiguration for options that do not pass, refused credentials, and a server that is not the one it should be or
 *   has no TLS where it must · NatsUnreachable after `connectWithin`, with what kept it
 */
export async function connect(target: string | ConnectOptions = {}): Promise<NatsTransport> {
  const options: ConnectOptions = typeof target === 'string' ? { servers: target } : target
  const settings = settingsFrom(options)
  const clock = options.clock ?? systemClock
  const connection = await dial(settings, clock)
  return new NatsCore(connection, {
    settings,
    clock,
    fault: guardedFault(options.onFault),
    onConnection: options.onConnection ?? (() => {}),
  })
}

/** The client can wait for a first connection too, but not for a bounded time: its tries cannot be called off. */
async function dial(settings: Settings, clock: Clock): Promise<NatsConnection> {
  const addresses = readAddresses([settings.servers ?? process.env.NATS_URL ?? defaultServer].flat())
  const { shown } = addresses
  const until = clock.now() + settings.connectWithin
  /** What kept the try before, for the case that time is up in the midst of one. */
  let before: unknown
  for (let failures = 1; ; failures++) {
    const attempt = connectClient(clientOptions(settings, addresses))
    try {
      const left = Math.max(1, until - clock.now())
      if (await within(attempt, left, clock)) return await attempt
      // One that comes after all belongs to nobody.
      attempt.then((late) => late.close()).catch(() => {})
      throw await unreachable(settings, addresses, before)
    } catch (error) {
      if (error instanceof NatsUnreachable) throw error
      if (isFinal(error)) throw fromClient(error, `connecting to ${shown.join(', ')}`)
      before = error
      const pause = pauseAfter(failures, reconnecting(settings))
      if (clock.now() + pause >= until) throw await unreachable(settings, addresses, error)
      await sleep(clock, pause)
    }
  }
}

/** Nobody took the connection in time. Of a server that turns everybody away the client only says that time was up. */
async function unreachable({ connectWithin }: Settings, { servers, shown }: Addresses, cause?: unknown) {
  const reasons = isSilence(cause) ? await Promise.all(servers.map(turnedAway)) : []
  const reason = reasons.find((one) => one !== undefined)
  return new NatsUnreachable(shown, connectWithin, { cause: reason === undefined ? cause : new Error(reason) })
}

/** A server that is back should be found soon, however long it was away; chance keeps its clients apart. */
function reconnecting({ reconnectWait }: Settings): BackoffPolicy {
  return { first: reconnectWait, factor: 1, longest: reconnectWait, jitter: 1 }
}

/** Who is in the options comes before who is in the addresses. The client asks for TLS where it is given any of its options. */
function clientOptions(settings: Settings, addresses: Addresses): ConnectionOptions {
  const { credentials } = settings
  const named = [settings.user, settings.password, settings.token, credentials].some((one) => one !== undefined)
  const { user, password, token } = named ? settings : (addresses.identity ?? {})
  const tls =
    settings.tls || addresses.tls
      ? Object.assign(defined(settings.tls ?? {}), { checkServerIdentity: identityCheck(addresses) })
      : undefined
  return {
    servers: [...addresses.servers],
    name: settings.name,
    inboxPrefix: settings.inboxPrefix,
    timeout: Math.min(dialWithin, settings.connectWithin),
    pingInterval: settings.pingInterval,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => pauseAfter(1, reconnecting(settings), Math.random),
    // Stack traces for each call cost more than the call.
    noAsyncTraces: true,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
    ...(tls === undefined ? {} : { tls }),
  }
}

const defined = (options: NonNullable<Settings['tls']>): TlsOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value))

/**
 * Whether a certificate is of a server that was meant. Node is told the name of the host; of an address in numbers the client
 * tells it none, and "localhost" would be looked for.
 */
function identityCheck({ servers }: Addresses): typeof checkServerIdentity {
  const numbers = servers.map((server) => new URL(`http://${server}`).hostname.replace(/^\[|\]$/g, '')).filter(isIP)
  return (host, certificate) => {
    const hosts = host === 'localhost' && numbers.length > 0 ? numbers : [host]
    const wrong = hosts.map((one) => checkServerIdentity(one, certificate))
    return wrong.includes(undefined) ? undefined : wrong[0]
  }
}
