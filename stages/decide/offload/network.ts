import { z } from 'zod'
import type { Link } from '../../../pipeline/index.ts'
import { LinkEstimate, type LinkEstimateOptions } from '../estimate/link.ts'
import { restored } from '../estimate/restore.ts'

/** What crossing the wire with so many bytes, and the answer's way back, is expected to take. */
export interface Network {
  /** Milliseconds; undefined while nothing was observed. */
  mean(bytes: number): number | undefined
  /** Milliseconds since it was observed last; Infinity when never. */
  age(now: number): number
  /** Learns that so many bytes, and the answer, took `ms` over an edge. */
  observe(edge: string, bytes: number, ms: number, now: number): void
  /** What was learned, as plain JSON. */
  save(): unknown
  /** @throws BadConfiguration when this is not what `save` gave */
  restore(saved: unknown): void
}

/** The names of the estimates. */
export type NetworkKind = 'ours' | 'published'

/** An estimate of the network: `published` LayerCake's, `ours` the one that all deciders share. */
export function network(kind: NetworkKind, options: LinkEstimateOptions): Network {
  return kind === 'ours' ? new LinkEstimate(options) : new LayerCakeNetwork()
}

/** Milliseconds so many bytes take by what the pipeline knows of the link; undefined while it does not know enough. */
export function byLink({ uplink, rtt }: Link, bytes: number): number | undefined {
  return uplink === undefined || rtt === undefined ? undefined : rtt + (bytes * 8000) / uplink
}

const saved = z.strictObject({ rtt: z.number().min(0).optional(), rate: z.number().positive().optional() })

/** Weight of the newest observation. */
const alpha = 0.5
/** Below so many bytes a crossing is a round trip and nothing else. */
const small = 4096

/**
 * LayerCake's estimate: RTT + bytes ÷ bandwidth, both exponentially weighted with α = 0.5. It probes with 100 kB for the
 * bandwidth; here any crossing of at least 4 KB tells it. One network, whatever edge answers.
 */
class LayerCakeNetwork implements Network {
  /** Milliseconds. */
  #rtt: number | undefined
  /** Bytes per millisecond. */
  #rate: number | undefined
  #at = Number.NEGATIVE_INFINITY

  mean(bytes: number): number | undefined {
    if (this.#rtt === undefined && this.#rate === undefined) return undefined
    return (this.#rtt ?? 0) + (this.#rate === undefined ? 0 : bytes / this.#rate)
  }

  age(now: number): number {
    return now - this.#at
  }

  observe(_edge: string, bytes: number, ms: number, now: number): void {
    if (!Number.isFinite(ms) || ms < 0) return
    this.#at = now
    if (bytes < small) {
      this.#rtt = mixed(this.#rtt, ms)
      return
    }
    const rate = bytes / Math.max(ms - (this.#rtt ?? 0), 1)
    this.#rate = mixed(this.#rate, rate)
  }

  save(): z.infer<typeof saved> {
    return {
      ...(this.#rtt === undefined ? {} : { rtt: this.#rtt }),
      ...(this.#rate === undefined ? {} : { rate: this.#rate }),
    }
  }

  restore(from: unknown): void {
    const { rtt, rate } = restored(saved, from, 'a network estimate')
    this.#rtt = rtt
    this.#rate = rate
    this.#at = Number.NEGATIVE_INFINITY
  }
}

function mixed(before: number | undefined, now: number): number {
  return before === undefined ? now : alpha * now + (1 - alpha) * before
}
