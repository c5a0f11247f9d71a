import { type Subscription as ClientSubscription, type Msg, type NatsConnection, nuid } from 'nats'
import { BadConfiguration, type ServiceDescription } from '../../pipeline/index.ts'

/*
 * The NATS micro service protocol, answered for the subscriptions that the transport holds anyway. The client's own
 * services API does not fit three promises: its endpoints cannot end one by one (a model leaves memory, its subject
 * goes, the service stays), it counts an asynchronous handler as done at once, and ending one subscription ends all.
 * Protocol: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md
 */

const nameRule = /^[A-Za-z0-9_-]+$/
const versionRule = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/
const verbs = ['PING', 'INFO', 'STATS'] as const
const text = new TextEncoder()

/** The figures of one served subject, in the protocol's terms. */
export class Endpoint {
  readonly name: string
  readonly subject: string
  readonly group: string | undefined
  readonly description: ServiceDescription
  #requests = 0
  #errors = 0
  #milliseconds = 0
  #lastError = ''

  constructor(name: string, subject: string, group: string | undefined, description: ServiceDescription) {
    this.name = name
    this.subject = subject
    this.group = group
    this.description = description
  }

  /** Takes note of one settled delivery. */
  readonly settled = (ms: number, error: unknown): void => {
    this.#requests++
    this.#milliseconds += ms
    if (error === undefined) return
    this.#errors++
    this.#lastError = error instanceof Error ? error.message : String(error)
  }

  info(): Readonly<Record<string, unknown>> {
    return {
      name: this.name,
      subject: this.subject,
      queue_group: this.group ?? '',
      metadata: this.description.metadata ?? {},
    }
  }

  stats(): Readonly<Record<string, unknown>> {
    const nanoseconds = Math.round(this.#milliseconds * 1e6)
    const own = this.#own()
    return {
      name: this.name,
      subject: this.subject,
      queue_group: this.group ?? '',
      num_requests: this.#requests,
      num_errors: this.#errors,
      last_error: this.#lastError,
      processing_time: nanoseconds,
      average_processing_time: this.#requests === 0 ? 0 : Math.round(nanoseconds / this.#requests),
      ...own,
    }
  }

  /** A statistics callback that throws costs its own figures, not the answer. */
  #own(): { data?: Readonly<Record<string, unknown>> } {
    try {
      return this.description.statistics ? { data: this.description.statistics() } : {}
    } catch (error) {
      this.#lastError = `statistics: ${error instanceof Error ? error.message : String(error)}`
      return {}
    }
  }
}

/** One instance of a service: the endpoints of one name and version on one connection. */
class Instance {
  readonly endpoints = new Set<Endpoint>()
  readonly #id = nuid.next()
  readonly #started = new Date().toISOString()
  readonly #description: ServiceDescription
  readonly #subscriptions: ClientSubscription[]

  constructor(connection: NatsConnection, description: ServiceDescription) {
    this.#description = description
    const { name } = description
    this.#subscriptions = verbs.flatMap((verb) =>
      [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${this.#id}`].map((subject) =>
        connection.subscribe(subject, { callback: (error, message) => error ?? this.#answer(verb, message) }),
      ),
    )
  }

  close(): void {
    for (const subscription of this.#subscriptions) if (!subscription.isClosed()) subscription.unsubscribe()
  }

  #answer(verb: (typeof verbs)[number], message: Msg): void {
    const { name, version, metadata = {}, description = '' } = this.#description
    const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`
    const identity = { type, name, id: this.#id, version, metadata }
    const endpoints = [...this.endpoints]
    const answer = {
      PING: () => identity,
      INFO: () => ({ ...identity, description, endpoints: endpoints.map((one) => one.info()) }),
      STATS: () => ({ ...identity, started: this.#started, endpoints: endpoints.map((one) => one.stats()) }),
    }[verb]()
    try {
      message.respond(text.encode(JSON.stringify(answer)))
    } catch {
      // Whoever asks for discovery asks again; the connection's end is told elsewhere.
    }
  }
}

/** The services of one connection, made with their first endpoint and gone with their last. */
export class Services {
  readonly #connection: NatsConnection
  readonly #instances = new Map<string, Instance>()

  constructor(connection: NatsConnection) {
    this.#connection = connection
  }

  /** @throws BadConfiguration when the name or version does not fit the protocol */
  add(description: ServiceDescription, subject: string, group: string | undefined): Endpoint {
    assertService(description)
    const key = keyOf(description)
    let instance = this.#instances.get(key)
    if (!instance) {
      instance = new Instance(this.#connection, description)
      this.#instances.set(key, instance)
    }
    const taken = new Set([...instance.endpoints].map((one) => one.name))
    const endpoint = new Endpoint(freeName(subject, taken), subject, group, description)
    instance.endpoints.add(endpoint)
    return endpoint
  }

  remove(endpoint: Endpoint): void {
    const key = keyOf(endpoint.description)
    const instance = this.#instances.get(key)
    if (!instance?.endpoints.delete(endpoint) || instance.endpoints.size > 0) return
    instance.close()
    this.#instances.delete(key)
  }
}

function assertService({ name, version }: ServiceDescription): void {
  if (!nameRule.test(name)) {
    throw new BadConfiguration(`"${name}" cannot be a service's name: use letters, digits, "_" and "-".`)
  }
  if (!versionRule.test(version)) {
    throw new BadConfiguration(`"${version}" is not the version of a service: use three numbers, as 1.0.0.`)
  }
}

function keyOf({ name, version }: ServiceDescription): string {
  return `${name} ${version}`
}

/** Endpoint names hold no dots or wildcards, and are told apart within a service. */
function freeName(subject: string, taken: ReadonlySet<string>): string {
  const base = subject.replaceAll('.', '_').replaceAll('*', 'any').replaceAll('>', 'all')
  let name = base
  for (let n = 2; taken.has(name); n++) name = `${base}-${n}`
  return name
}
