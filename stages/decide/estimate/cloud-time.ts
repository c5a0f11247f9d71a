import { z } from 'zod'
import type { Cut, Outcome, Probe } from '../../../pipeline/index.ts'
import { LinkEstimate } from './link.ts'
import type { OnTime } from './ontime.ts'
import { Profile } from './profile.ts'
import { restored } from './restore.ts'

const saved = z.strictObject({
  link: z.unknown(),
  paths: z.record(z.string(), z.strictObject({ rest: z.unknown(), bytes: z.unknown() })),
})

interface PathTime {
  /** Milliseconds besides the transfer. */
  readonly rest: Profile
  /** Bytes that crossed. */
  readonly bytes: Profile
}

/** Kinds of paths told apart; what lies behind a layer is one kind for all layers. */
const layers = 'after'
/** An attempt that was given up counts as so many times the time it was given: it would have been late. */
const beyond = 2

/**
 * What the whole way through the cloud takes, ms, from the decision to the answer: the transfer by bytes and edge, the rest
 * by the kind of path. How sure that is `OnTime` learns from the same outcomes.
 */
export class CloudTime {
  readonly #link = new LinkEstimate()
  readonly #paths = new Map<string, PathTime>()

  /** The kind of path of a cut, as `OnTime` knows it. */
  pathOf(cut: Cut): string {
    return `cloud:${kindOf(cut)}`
  }

  /** Milliseconds expected when so many captured bytes go this way; undefined before it was taken. */
  mean(cut: Cut, bytes: number): number | undefined {
    const path = this.#paths.get(kindOf(cut))
    if (!path) return undefined
    const transfer = this.#link.mean(cut === 'captured' ? bytes : path.bytes.mean)
    return transfer === undefined ? undefined : path.rest.mean + transfer
  }

  /** Learns from an attempt that went to the cloud, and how far the prediction was off. */
  observe(outcome: Outcome, onTime: OnTime): void {
    const { kind, crossing, plan, bytes, timings, latency, began = 0, now } = outcome
    const cut = crossing?.at ?? plan.cut
    if (cut === undefined || cut === 'answered') return
    const took = latency - began
    const predicted = this.mean(cut, bytes)
    if (kind !== 'message' || !crossing) {
      // What was cancelled because another was faster would perhaps have been in time.
      if (kind !== 'failure' || outcome.error === 'cancelled') return
      if (predicted !== undefined) onTime.observe(this.pathOf(cut), predicted, beyond * Math.max(took, predicted))
      return
    }
    const { transfer = 0, load = 0 } = timings
    if (predicted !== undefined) onTime.observe(this.pathOf(cut), predicted, took)
    this.#link.observe(crossing.node, crossing.bytes, transfer, now)
    const path = this.#path(kindOf(cut))
    path.rest.observe(Math.max(0, took - transfer - load))
    path.bytes.observe(crossing.bytes)
  }

  probed({ node, bytes, ms, answered, now }: Probe): void {
    if (answered && node !== undefined) this.#link.observe(node, bytes, ms, now)
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return {
      link: this.#link.save(),
      paths: Object.fromEntries(
        [...this.#paths].map(([kind, { rest, bytes }]) => [kind, { rest: rest.save(), bytes: bytes.save() }]),
      ),
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { link, paths } = restored(saved, from, 'the way through the cloud')
    this.#link.restore(link)
    this.#paths.clear()
    for (const [kind, { rest, bytes }] of Object.entries(paths)) {
      const path = this.#path(kind)
      path.rest.restore(rest)
      path.bytes.restore(bytes)
    }
  }

  #path(kind: string): PathTime {
    let path = this.#paths.get(kind)
    if (!path) {
      path = { rest: new Profile({ alpha: 0.2 }), bytes: new Profile({ alpha: 0.2 }) }
      this.#paths.set(kind, path)
    }
    return path
  }
}

function kindOf(cut: Cut): string {
  return cut.startsWith('after:') ? layers : cut
}
