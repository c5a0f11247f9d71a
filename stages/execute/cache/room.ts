import { savedPerMs } from './policies/index.ts'
import { LeaseRefused } from './refused.ts'
import type { Copy } from './residents.ts'
import type { CacheState } from './state.ts'
import { chooseVictims } from './victims.ts'
import type { Want } from './wants.ts'

/** Who goes for a want. */
export interface Victims {
  readonly victims: readonly Copy[]
  /** There are none now; there may be at this time. */
  readonly retryAt?: number
  /** There are none, and it is not worth waiting. */
  readonly refused?: LeaseRefused
}

/** Largest share of the budget that is set aside for what executors need beside their models. */
const overheadShare = 0.25
const none: readonly Copy[] = []

/** Decides what goes so that something else fits. */
export class Room {
  readonly #state: CacheState

  constructor(state: CacheState) {
    this.#state = state
  }

  /**
   * Bytes for models: the budget, less what executors were seen to need beside them, up to a quarter. Beyond that it
   * is no overhead any more but a leak, which a new executor cures and evictions do not.
   */
  get limit(): number {
    const { settings, residents } = this.#state
    return settings.budget - Math.min(residents.overhead, overheadShare * settings.budget)
  }

  /** Bytes free for whatever is wanted next, once those that go have gone. */
  get free(): number {
    const { residents } = this.#state
    return this.limit - residents.used + residents.leaving - this.#loading
  }

  /** What a load needs while it goes on, beside the bytes that it keeps; as much of it as the limit allows at all. */
  passing({ model }: Want, bytes: number): number {
    return Math.max(0, Math.min(this.#state.settings.loadBytesPerFileByte * model.bytes, this.limit - bytes))
  }

  /**
   * Whether there is room now, also for what loads need while they go on. A load alone may do without that, where all
   * that was to make way for it has gone.
   */
  fits(want: Want, bytes: number): boolean {
    const { residents } = this.#state
    const free = this.limit - residents.used - bytes
    if (free < 0) return false
    return free >= this.passing(want, bytes) + this.#loading || (this.#loading === 0 && residents.unloading === 0)
  }

  /** What the loads under way need beside what they keep. */
  get #loading(): number {
    return this.#state.settings.loadBytesPerFileByte * this.#state.residents.loadingFileBytes
  }

  /** Why a want can never be met as things stand; undefined when it can. */
  impossible({ model }: Want, bytes: number): LeaseRefused | undefined {
    const { pins, estimates } = this.#state
    const { limit } = this
    const mega = (amount: number) => `${(amount / 1e6).toFixed(1)} MB`
    if (bytes > limit) {
      return new LeaseRefused(
        'too-large',
        `Model "${model.name}" needs about ${mega(bytes)}, and the budget has ${mega(limit)} for models. Raise the budget, or use a smaller model.`,
      )
    }
    if (pins.size === 0) return undefined
    let pinned = 0
    for (const { model: other, copies } of pins.wanted().values()) {
      if (other.key !== model.key) pinned += copies * estimates.bytes(other)
    }
    if (bytes + pinned <= limit) return undefined
    return new LeaseRefused(
      'pinned',
      `Model "${model.name}" needs about ${mega(bytes)}, and pinned models take ${mega(pinned)} of ${mega(limit)}. Unpin some, or raise the budget.`,
    )
  }

  /** What goes to make up for loads that took more than there was: the least worth, and no more than that needs. */
  repay(now: number): readonly Copy[] {
    const { residents } = this.#state
    const debt = residents.used - residents.leaving - this.limit
    return debt > 0 ? (this.#choose(this.#candidates(now, {}).copies, debt, now) ?? none) : none
  }

  /** @param needed bytes that are missing */
  victims(want: Want, needed: number, now: number): Victims {
    const { settings } = this.#state
    const { model, gain, since } = want
    const idle = this.#candidates(now, { except: model.key, guarded: true })
    const chosen = this.#choose(idle.copies, needed, now)
    if (gain !== undefined) {
      const lost = chosen?.reduce((sum, { use }) => sum + savedPerMs(use, now), 0)
      if (chosen !== undefined && lost !== undefined && gain > lost) return { victims: chosen }
      return { victims: none, refused: notWorthIt(model.name, this.#state.useOf(model).loadMs) }
    }
    if (chosen !== undefined) return { victims: chosen }
    const patientUntil = since + settings.patience
    if (now < patientUntil) return retry(Math.min(patientUntil, idle.guardedUntil))
    const all = this.#candidates(now, { except: model.key, guarded: true, leased: true })
    const draining = this.#choose(all.copies, needed, now)
    return draining === undefined ? retry(all.guardedUntil) : { victims: draining }
  }

  #choose(candidates: readonly Copy[], needed: number, now: number): readonly Copy[] | undefined {
    const { policy } = this.#state
    return chooseVictims(candidates, needed, ({ use }) => policy.worth(use, now), policy.additive)
  }

  /** Copies that may go: ready, above the number that is pinned, and, unless asked for, not in use. */
  #candidates(
    now: number,
    { except, guarded = false, leased = false }: { except?: string; guarded?: boolean; leased?: boolean },
  ): { copies: Copy[]; guardedUntil: number } {
    const { residents, pins } = this.#state
    const pinned = pins.wanted()
    const copies: Copy[] = []
    let guardedUntil = Number.POSITIVE_INFINITY
    for (const group of residents.groups()) {
      const key = group[0]?.model.key
      if (key === except) continue
      const ready = group.filter(({ state }) => state === 'ready').sort((a, b) => a.leases - b.leases)
      const spare = ready.length - (key === undefined ? 0 : (pinned.get(key)?.copies ?? 0))
      for (const copy of ready.slice(0, Math.max(0, spare))) {
        if (copy.leases > 0 && !leased) continue
        if (guarded && copy.guardedUntil > now) guardedUntil = Math.min(guardedUntil, copy.guardedUntil)
        else copies.push(copy)
      }
    }
    return { copies, guardedUntil }
  }
}

function retry(at: number): Victims {
  return Number.isFinite(at) ? { victims: none, retryAt: at } : { victims: none }
}

function notWorthIt(model: string, loadMs: number): LeaseRefused {
  return new LeaseRefused(
    'cold',
    `Model "${model}" is not loaded, cannot be in time, and what is loaded is worth more. Allow ${Math.ceil(loadMs)} ms more, or pin it.`,
    { retryAfter: Math.ceil(loadMs) },
  )
}
