import { type ConnectionOptions, connect as connectClient, credsAuthenticator, type NatsConnection } from 'nats'
import {
  type BackoffPolicy,
  type Clock,
  guardedFault,
  pauseAfter,
  sleep,
  systemClock,
  within,
} from '../../pipeline/index.ts'
import { NatsCore, type NatsTransport } from './core.ts'
import { fromClient, isRefusal, NatsUnreachable } from './errors.ts'
import { type ConnectOptions, type Settings, settingsFrom } from './options.ts'

const defaultServer = 'nats://127.0.0.1:4222'
/** How long one dial may take before the next is tried, ms. */
const dialWithin = 2000

/**
 * Connects to a NATS server, waiting for it to come up, and keeps the connection restored from then on.
 * @throws BadConfiguration for options that do not pass and for refused credentials · NatsUnreachable after `connectWithin`
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
  const servers = [settings.servers ?? process.env.NATS_URL ?? defaultServer].flat()
  const until = clock.now() + settings.connectWithin
  for (let failures = 1; ; failures++) {
    const attempt = connectClient(clientOptions(settings, servers))
    try {
      const left = Math.max(1, until - clock.now())
      if (await within(attempt, left, clock)) return await attempt
      // One that comes after all belongs to nobody.
      attempt.then((late) => late.close()).catch(() => {})
      throw new NatsUnreachable(servers, settings.connectWithin)
    } catch (error) {
      if (error instanceof NatsUnreachable) throw error
      if (isRefusal(error)) throw fromClient(error, 'connecting')
      const pause = pauseAfter(failures, reconnecting(settings))
      if (clock.now() + pause >= until) throw new NatsUnreachable(servers, settings.connectWithin, { cause: error })
      await sleep(clock, pause)
    }
  }
}

/** A server that is back should be found soon, however long it was away; chance keeps its clients apart. */
function reconnecting({ reconnectWait }: Settings): BackoffPolicy {
  return { first: reconnectWait, factor: 1, longest: reconnectWait, jitter: 1 }
}

function clientOptions(settings: Settings, servers: string[]): ConnectionOptions {
  const { user, password, token, credentials, tls } = settings
  return {
    servers,
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
    ...(tls === undefined ? {} : { tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value)) }),
  }
}
