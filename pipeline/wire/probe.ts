import { z } from 'zod'
import { type Actor, actor } from '../actors/actor.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Probe } from '../decider.ts'
import type { Events } from '../events.ts'
import type { Boundary } from '../subjects.ts'
import type { Conversation, Parts, Transport } from '../transport.ts'
import type { CallReport } from './attempt.ts'
import { dialectsOf } from './dialects.ts'
import { totalBytes } from './frame.ts'
import { readDown, sendUp } from './hand-over.ts'
import type { Path } from './path.ts'
import type { Peers } from './peers.ts'
import { beat, missedBeats } from './protocol.ts'

/** What probes may cost before anything was captured, bytes. */
const first = 4096
/** A probe of fewer bytes tells a round trip, and nothing of the rate. */
const telling = 16 * 1024
/** More bytes tell no more. */
const mostTelling = 64 * 1024
/** Milliseconds that one may take by what is known: messages wait behind it. */
const longest = 100
const patience = beat * missedBeats

/** When the way to the cloud is probed. */
export const probeSettings = z.strictObject({
  /** Milliseconds since a node was heard of after which it is probed. Default 5,000. */
  every: z.number().positive().max(86_400_000).default(5000),
  /** Bytes of probes, as a share of the bytes captured so far; the first probes may cost 4 KB. Default 0.01. */
  share: z.number().min(0).max(1).default(0.01),
})

export interface ProberOptions {
  readonly transport: Transport
  readonly boundary: Boundary
  /** Whose probes they are: `DEVICE.STREAM`. */
  readonly source: string
  readonly clock: Clock
  readonly events: Events
  readonly path: Path
  /** Which versions of the wire the nodes speak. */
  readonly peers: Peers
  readonly settings: z.output<typeof probeSettings>
  /** The node that was heard of longest ago, and when (local clock, ms); undefined while none is known. */
  readonly stalest: () => { readonly node: string; readonly at: number } | undefined
  readonly onReport: (report: CallReport) => void
  readonly onProbe: (probe: Probe) => void
}

/** What a probe came to. */
interface Probed {
  readonly node: string | undefined
  /** It does not speak the version of the probe. */
  readonly unspoken: boolean
  /** Undefined when nobody answered. */
  readonly report: CallReport | undefined
  readonly ms: number
}

/**
 * Keeps what is known of the way to the cloud fresh while nothing crosses it: a tiny probe tells the round trip and how
 * busy the node is, and where the budget allows one of 16 to 64 KB behind it the rate. Messages set it off; it has no
 * clock of its own, so that a pipeline which does nothing sends nothing.
 *
 * Whether to probe is asked at each message, directly; a round of probes is a message of its actor. What throws in one ends
 * that round, and none other before the actor has paused; when it is given up messages go on without probes.
 */
export class Prober {
  readonly #options: ProberOptions
  readonly #actor: Actor<string | undefined, void>
  /** Ends the probe that is under way. */
  #end: (() => void) | undefined
  #allowed = first
  #spent = 0
  #tried = Number.NEGATIVE_INFINITY
  #asking = false

  constructor(options: ProberOptions) {
    this.#options = options
    const { clock, events, settings } = options
    const round = async (node: string | undefined) => {
      try {
        await this.#round(node)
      } finally {
        this.#asking = false
      }
    }
    this.#actor = actor('prober', () => ({ receive: round, stop: () => this.#end?.() }), {
      clock,
      events,
      // It runs well between two rounds, whatever they come to: one of them gives back less than a restart.
      restart: { within: 12 * settings.every },
      onCrash: (_, final) => {
        this.#asking = final
      },
    })
  }

  /** A message came by whose captured payload has so many bytes; `crosses`: it goes over the wire itself. */
  passed(bytes: number, crosses: boolean): void {
    const { clock, settings, stalest } = this.#options
    this.#allowed += settings.share * bytes
    if (this.#asking) return
    const now = clock.now()
    if (now - this.#tried < settings.every) return
    const node = stalest()
    // What crosses tells of a way that is yet unknown by itself.
    if (node ? now - node.at <= settings.every : crosses) return
    this.#tried = now
    this.#asking = true
    void this.#actor.tell(node?.node)
  }

  /** Ends a probe that is under way. Idempotent. */
  close(): Promise<void> {
    this.#asking = true
    this.#end?.()
    return this.#actor.stop(0)
  }

  /** A tiny probe, and behind it, where that is allowed, one that tells the rate. */
  async #round(node: string | undefined): Promise<void> {
    const { path } = this.#options
    const tiny = await this.#probe(node, 0)
    if (!tiny) return
    const inTime = Math.max(telling, Math.floor(longest / path.uploadTime(1)))
    const room = Math.min(Math.floor(this.#allowed - this.#spent), this.#options.transport.maxPayload) - 64
    const left = Math.min(mostTelling, inTime, room)
    if (left >= telling) await this.#probe(tiny.node, left)
  }

  /**
   * @param again whether it may be asked once more, where the first time was in a version that it does not speak
   * @returns what answered; undefined when nobody did, or nothing could be sent
   */
  async #probe(node: string | undefined, bytes: number, again = true): Promise<CallReport | undefined> {
    const { transport, clock, path, peers, onReport, onProbe } = this.#options
    const version = (node === undefined ? peers.toAll : peers.to(node)) ?? dialectsOf(transport).least
    const frame = sendUp({ kind: 'probe' }, bytes > 0 ? [new Uint8Array(bytes)] : [], transport, version)
    const size = totalBytes(frame)
    if (!transport.connected || this.#spent + size > this.#allowed) return undefined
    const probed = await this.#sent(node, frame, size)
    if (!probed) return undefined
    if (probed.unspoken && again) return this.#probe(node, bytes, false)
    const { report, ms } = probed
    if (report) {
      if (bytes === 0) path.observeRtt(ms)
      else path.observeRate(size, Math.max(0.01, ms - (path.rtt ?? 0)))
      onReport(report)
    }
    onProbe({ node: probed.node, bytes: size, ms, answered: report !== undefined, now: clock.now() })
    return report
  }

  /** @returns undefined when it could not be sent, or was ended */
  #sent(node: string | undefined, frame: Parts, size: number): Promise<Probed | undefined> {
    const { transport, boundary, source, clock, path, peers } = this.#options
    const sent = clock.now()
    return new Promise((resolve) => {
      let conversation: Conversation | undefined
      let timer: Timer | undefined
      let open = true
      const over = (probed: Probed | undefined) => {
        open = false
        this.#end = undefined
        timer?.cancel()
        conversation?.close()
        resolve(probed)
      }
      const answered = (report: CallReport | undefined, unspoken = false) =>
        over({ node: report?.node ?? node, report, unspoken, ms: clock.now() - sent })
      this.#end = () => over(undefined)
      try {
        conversation = transport.request(node ? boundary.node(source, node) : boundary.any(source), frame, {
          onReply: ({ data }) => {
            if (!open) return
            try {
              const reply = readDown(data, dialectsOf(transport))
              const { header } = reply
              peers.heard(header.node, reply)
              if (header.kind === 'unspoken') answered(undefined, true)
              else if (header.kind === 'probed') answered(header)
            } catch {
              // Nonsense is no answer.
            }
          },
          onError: () => answered(undefined),
        })
      } catch {
        // Not connected after all: a later message tries again.
        return over(undefined)
      }
      this.#spent += size
      // Answered within the call.
      if (!open) return conversation.close()
      const wait = patience + 2 * (path.rtt ?? 0) + 2 * path.uploadTime(size)
      timer = clock.after(wait, () => answered(undefined), { background: true })
    })
  }
}
