import {
  asQuintetError,
  type Clock,
  type Dialects,
  dialectsOf,
  type Events,
  noCommonVersion,
  nodeSubject,
  type Parts,
  Peers,
  type Read,
  type Subscription,
  sleep,
  type Timer,
  type Transport,
  unpackFrame,
  VersionMismatch,
} from '../../../pipeline/index.ts'
import { type Announcement, type Presence, packAnnouncement, readAnnouncement, speaker } from './announcement.ts'

/** Beats missed, and a node counts as gone. */
const missedBeats = 3
/** Least time between two announcements, ms, however much happens. */
const least = 25
/** Nodes followed at most: names come off the wire. */
const mostNodes = 1_024

export interface MembershipOptions {
  readonly transport: Transport
  readonly tenant: string
  readonly pipeline: string
  readonly node: string
  readonly clock: Clock
  readonly events: Events
  /** Milliseconds between two announcements. */
  readonly beat: number
  /** What this node says of itself; undefined where it is none, and only listens. */
  readonly self: (() => Presence) | undefined
  /** A node said something of itself. */
  readonly onHeard?: (presence: Presence) => void
}

/**
 * Which nodes of a pipeline there are: each announces itself, on the subject for observers. A node that is killed stays
 * in the list for three beats, or until somebody who was sent to it says that nobody is there.
 */
export class Membership {
  readonly #options: MembershipOptions
  readonly #dialects: Dialects
  /** Which versions of the wire the others speak, observers among them: what is said is said so that all understand. */
  readonly #peers: Peers
  readonly #nodes = new Map<string, { readonly presence: Presence; missed: number }>()
  #subscription: Subscription | undefined
  #timer: Timer | undefined
  #said = Number.NEGATIVE_INFINITY
  #beaten = Number.NEGATIVE_INFINITY
  #left = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#dialects = dialectsOf(options.transport)
    this.#peers = new Peers(this.#dialects, options.clock)
  }

  /** Listens, asks who is there, and gives them `settle` ms to say so. @throws TransportClosed */
  async join(settle: number): Promise<void> {
    const { transport, tenant, pipeline, node, clock, self } = this.#options
    this.#subscription = await transport.subscribe(nodeSubject('mon', tenant, pipeline, '*'), ({ subject, data }) =>
      this.#hear(subject, data),
    )
    if (self === undefined) this.#publish({ kind: 'who', node })
    else this.#announce(true)
    await sleep(clock, settle)
  }

  /** The other nodes that were heard of lately, as they said of themselves. */
  get others(): readonly Presence[] {
    return Array.from(this.#nodes.values(), ({ presence }) => presence)
  }

  /** Nobody is there any more. */
  lost(node: string): void {
    this.#nodes.delete(node)
    this.#peers.forget(node)
  }

  /** Something has changed that others should know before the next beat. */
  changed(): void {
    const { clock, self } = this.#options
    if (self === undefined || this.#left) return
    const wait = Math.max(0, this.#said + least - clock.now())
    this.#next(wait)
  }

  /** Says that this node serves no longer, and nothing more. */
  leave(): void {
    if (this.#left) return
    this.#left = true
    this.#timer?.cancel()
    if (this.#options.self !== undefined) this.#publish({ kind: 'left', node: this.#options.node })
  }

  /** Leaves, and listens no longer. Idempotent. */
  async close(): Promise<void> {
    this.leave()
    const subscription = this.#subscription
    this.#subscription = undefined
    await subscription?.close()
  }

  #next(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(ms, () => this.#announce())
  }

  #announce(asks = false): void {
    const { self, clock, beat } = this.#options
    if (self === undefined || this.#left) return
    const now = clock.now()
    // Counted by this node's own beats: were it held up itself, it would find everybody gone.
    if (now >= this.#beaten + beat) {
      this.#beaten = now
      for (const [other, heard] of this.#nodes) if (++heard.missed > missedBeats) this.#nodes.delete(other)
    }
    this.#said = now
    this.#publish({ kind: 'here', ...self(), ...(asks ? { asks } : {}) })
    this.#next(beat)
  }

  #publish(said: Announcement): void {
    const { transport, tenant, pipeline, node, events } = this.#options
    // While the connection is being restored there is nobody to tell; the next beat tells them.
    if (!transport.connected) return
    const { toEach } = this.#peers
    const subject = nodeSubject('mon', tenant, pipeline, node)
    try {
      for (const version of toEach.length > 0 ? toEach : [this.#dialects.most]) {
        transport.publish(subject, packAnnouncement(said, this.#dialects, version))
      }
    } catch (error) {
      events.emit({ type: 'fault', where: 'cluster', error: asQuintetError(error, 'announce') })
    }
  }

  #hear(subject: string, data: Parts): void {
    const { node, events, onHeard } = this.#options
    let read: Read<Announcement>
    try {
      read = readAnnouncement(subject, data, this.#dialects)
    } catch (error) {
      if (error instanceof VersionMismatch) return this.#hearStranger(speaker(subject), data)
      return events.emit({ type: 'fault', where: 'cluster', error })
    }
    const { header: said } = read
    if (said.node === node) return
    this.#peers.heard(said.node, read)
    if (said.kind === 'who') return this.changed()
    if (said.kind === 'left') return this.lost(said.node)
    if (!this.#nodes.has(said.node) && this.#nodes.size >= mostNodes) return
    const { kind: _kind, asks, ...presence } = said
    this.#nodes.set(said.node, { presence, missed: 0 })
    onHeard?.(presence)
    if (asks) this.changed()
  }
  /** One that speaks in a version which is not known here: from its frame is known which ones it would understand. */
  #hearStranger(name: string, data: Parts): void {
    const { node, events, self } = this.#options
    const speaks = unpackFrame(data)
    if (name === node || !this.#peers.heard(name, speaks)) return
    if (this.#peers.to(name) === undefined) {
      return events.emit({
        type: 'fault',
        where: 'cluster',
        error: noCommonVersion(`Node "${name}"`, speaks, this.#dialects),
      })
    }
    if (self === undefined) this.#publish({ kind: 'who', node })
    else this.changed()
  }
}
