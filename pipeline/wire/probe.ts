import { z } from 'zod'
import type { Clock, Timer } from '../clock.ts'
import type { Probe } from '../decider.ts'
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
  readonly path: Path
  /** Which versions of the wire the nodes speak. */
  readonly peers: Peers
  readonly settings: z.output<typeof probeSettings>
  /** The node that was heard of longest ago, and when (local clock, ms); undefined while none is known. */
  readonly stalest: () => { readonly node: string; readonly at: number } | undefined
  readonly onReport: (report: CallReport) => void
  readonly onProbe: (probe: Probe) => void
}

/**
 * Keeps what is known of the way to the cloud fresh while nothing crosses it: a tiny probe tells the round trip and how
 * busy the node is, and where the budget allows one of 16 to 64 KB behind it the rate. Messages set it off; it has no
 * clock of its own, so that a pipeline which does nothing sends nothing.
 */
export class Prober {
  readonly #options: ProberOptions
  #allowed = first
  #spent = 0
  #tried = Number.NEGATIVE_INFINITY
  #ask: { readonly conversation: Conversation; readonly timer: Timer } | undefined

  constructor(options: ProberOptions) {
    this.#options = options
  }

  /** A message came by whose captured payload has so many bytes; `crosses`: it goes over the wire itself. */
  passed(bytes: number, crosses: boolean): void {
    const { clock, settings, stalest } = this.#options
    this.#allowed += settings.share * bytes
    if (this.#ask) return
    const now = clock.now()
    if (now - this.#tried < settings.every) return
    const node = stalest()
    // What crosses tells of a way that is yet unknown by itself.
    if (node ? now - node.at <= settings.every : crosses) return
    this.#tried = now
    this.#send(node?.node, 0)
  }

  close(): void {
    this.#ask?.timer.cancel()
    this.#ask?.conversation.close()
    this.#ask = undefined
  }

  /** @param again whether it may be asked once more, where the first time was in a version that it does not speak */
  #send(node: string | undefined, bytes: number, again = true): void {
    const { transport, boundary, source, clock, path, peers } = this.#options
    const version = (node === undefined ? peers.toAll : peers.to(node)) ?? dialectsOf(transport).least
    const frame = sendUp({ kind: 'probe' }, bytes > 0 ? [new Uint8Array(bytes)] : [], transport, version)
    const size = totalBytes(frame)
    if (!transport.connected || this.#spent + size > this.#allowed) return
    const sent = clock.now()
    try {
      const conversation = transport.request(node ? boundary.node(source, node) : boundary.any(source), frame, {
        onReply: ({ data }) => this.#onReply(data, node, bytes, size, sent, again),
        onError: () => this.#failed(node, size, sent),
      })
      this.#spent += size
      const wait = patience + 2 * (path.rtt ?? 0) + 2 * path.uploadTime(size)
      const timer = clock.after(wait, () => this.#failed(node, size, sent), { background: true })
      this.#ask = { conversation, timer }
    } catch {
      // Not connected after all: the next message tries again.
    }
  }

  #onReply(data: Parts, asked: string | undefined, bytes: number, size: number, sent: number, again: boolean): void {
    if (!this.#ask) return
    const { transport, clock, path, peers, onReport, onProbe } = this.#options
    let report: CallReport
    try {
      const reply = readDown(data, dialectsOf(transport))
      const { header } = reply
      peers.heard(header.node, reply)
      if (header.kind === 'unspoken') {
        if (!again) return this.#failed(asked, size, sent)
        this.close()
        return this.#send(asked, bytes, false)
      }
      if (header.kind !== 'probed') return
      report = header
    } catch {
      // Nonsense is no answer.
      return
    }
    this.close()
    const now = clock.now()
    const ms = now - sent
    if (bytes === 0) path.observeRtt(ms)
    else path.observeRate(size, Math.max(0.01, ms - (path.rtt ?? 0)))
    onReport(report)
    onProbe({ node: report.node, bytes: size, ms, answered: true, now })
    const inTime = Math.max(telling, Math.floor(longest / path.uploadTime(1)))
    const left = Math.min(mostTelling, inTime, Math.floor(this.#allowed - this.#spent) - 64)
    if (bytes === 0 && left >= telling) this.#send(report.node, left)
  }

  #failed(node: string | undefined, bytes: number, sent: number): void {
    this.close()
    const now = this.#options.clock.now()
    this.#options.onProbe({ node, bytes, ms: now - sent, answered: false, now })
  }
}
