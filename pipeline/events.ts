import { type Observable, Subject } from 'rxjs'
import type { Explanation } from './decider.ts'
import { asQuintetError, type Evidence, type QuintetError } from './errors.ts'
import { Guarded } from './guarded.ts'
import type { Item } from './message.ts'
import type { Plan } from './plan.ts'
import { warnOfFault } from './settlement.ts'
import type { Verdict } from './wire/verdict.ts'

/** What happens inside a running pipeline, for logs, dashboards and tests. Messages are counted by the ledger. */
export type PipelineEvent =
  | { readonly type: 'captured'; readonly id: string }
  | {
      readonly type: 'decided'
      readonly id: string
      readonly attempt: number
      readonly decider: string
      readonly plan: Plan
      /** How each decider came to it, where the pipeline explains its decisions. */
      readonly explanations?: readonly Explanation[]
    }
  | { readonly type: 'attempt'; readonly id: string; readonly attempt: number; readonly plan: Plan }
  | { readonly type: 'attempt-failed'; readonly id: string; readonly attempt: number; readonly error: QuintetError }
  | { readonly type: 'settled'; readonly item: Item }
  | { readonly type: 'late'; readonly id: string; readonly stage: string }
  | { readonly type: 'refused'; readonly id: string; readonly node: string; readonly reason: string }
  | { readonly type: 'node-lost'; readonly node: string; readonly id: string }
  /** Two processes send messages under one device's name: seen by a node, and told to both. */
  | { readonly type: 'name-shared'; readonly device: string; readonly node: string }
  /** `node` undefined: of the group, for what nobody knows who did it. `verdict`: what opened it, or closed it again. */
  | {
      readonly type: 'breaker'
      readonly node: string | undefined
      readonly state: 'closed' | 'open' | 'half-open'
      readonly verdict?: Verdict
    }
  /** Something came in a conversation that cannot be read; it was passed over. */
  | { readonly type: 'stray'; readonly id: string; readonly error: QuintetError }
  /** A message cost two executors or nodes. */
  | {
      readonly type: 'quarantined'
      readonly id: string
      readonly source: string
      readonly evidence: readonly Evidence[]
    }
  /** A half takes no messages, because it could not work on them; and takes them again. */
  | { readonly type: 'out-of-service'; readonly node: string; readonly segment: string; readonly reason: string }
  | { readonly type: 'in-service'; readonly node: string; readonly segment: string }
  | {
      readonly type: 'probed'
      readonly node: string | undefined
      readonly bytes: number
      readonly ms: number
      readonly answered: boolean
    }
  | { readonly type: 'overflow'; readonly where: string; readonly policy: string }
  | { readonly type: 'restarted'; readonly actor: string; readonly restarts: number; readonly error: unknown }
  | { readonly type: 'escalated'; readonly actor: string; readonly error: unknown }
  | { readonly type: 'fault'; readonly where: string; readonly error: unknown }

/** Where events are sent; costs nothing while nobody watches. */
export class Events {
  readonly #subject = new Subject<PipelineEvent>()
  /** A listener has thrown, and the others are being told. */
  #telling = false
  #warned = false

  emit(event: PipelineEvent): void {
    if (this.#subject.observed) this.#subject.next(event)
  }

  /**
   * Hot: what happens from the subscription on. A listener that throws is heard of as a `fault` at `listener`, the first
   * one on the console as well; it goes on listening, and nobody else is affected.
   */
  readonly stream: Observable<PipelineEvent> = Guarded.of(this.#subject, (error) => {
    if (!this.#warned) warnOfFault(asQuintetError(error, 'listener'))
    this.#warned = true
    // One that throws at this as well has been heard.
    if (this.#telling) return
    this.#telling = true
    try {
      this.emit({ type: 'fault', where: 'listener', error })
    } finally {
      this.#telling = false
    }
  })
}
