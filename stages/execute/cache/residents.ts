import type { ModelSource } from '../../manage/index.ts'
import type { UseRecord } from './use.ts'
import type { Evictable } from './victims.ts'

/**
 * `loading`: reserved · `ready`: may be leased · `draining`: takes no new leases, goes when the last ends ·
 * `unloading`: its memory is still used · `stuck`: its unload failed, and its memory is lost until its executor goes.
 */
export type CopyState = 'loading' | 'ready' | 'draining' | 'unloading' | 'stuck'

/** One model on one executor, from the reservation of its memory until that is free again. */
export class Copy implements Evictable {
  readonly model: ModelSource
  readonly executor: string
  readonly use: UseRecord
  state: CopyState = 'loading'
  /** Predicted while it loads, then measured. */
  bytes: number
  leases = 0
  /** When its load began, then when it was ready; ms. */
  since: number
  /** Until when it is not evicted to make room: the churn guard. */
  guardedUntil = 0
  /** Its executor is gone: nothing that still happens to it counts. */
  gone = false
  /** Called when its memory is free. */
  onLeft: (() => void)[] = []

  constructor(model: ModelSource, executor: string, use: UseRecord, bytes: number, now: number) {
    this.model = model
    this.executor = executor
    this.use = use
    this.bytes = bytes
    this.since = now
  }

  /** Milliseconds since its last use, or since it was loaded. */
  age(now: number): number {
    return now - Math.max(this.use.lastUsed, this.since)
  }
}

/** Weight of the newest measurement of what an executor needs beside its models: memory is missed at once, and given back slowly. */
const [risingRate, fallingRate] = [0.5, 0.02]

/** An executor that can hold models. */
export class Holder {
  readonly id: string
  readonly copies = new Map<string, Copy>()
  /** Bytes that it needs beside its copies: for runs, and what the runtime does not give back. */
  overhead = 0

  constructor(id: string) {
    this.id = id
  }

  /** The copy that is being loaded; there is one at a time. */
  get loading(): Copy | undefined {
    for (const copy of this.copies.values()) if (copy.state === 'loading') return copy
    return undefined
  }

  get leases(): number {
    let leases = 0
    for (const copy of this.copies.values()) leases += copy.leases
    return leases
  }

  get bytes(): number {
    let bytes = 0
    for (const copy of this.copies.values()) bytes += copy.bytes
    return bytes
  }

  /**
   * Smoothed, and told after loads alone: memory that an eviction freed within the process is then in use again.
   * @param executorBytes what it holds with all of its copies
   */
  measured(executorBytes: number): void {
    const change = Math.max(0, executorBytes - this.bytes) - this.overhead
    this.overhead += (change > 0 ? risingRate : fallingRate) * change
  }
}

/** Which copies are where, and the memory they take. Whatever changes it goes through here, so that the sums hold. */
export class Residents {
  readonly #holders = new Map<string, Holder>()
  readonly #copies = new Map<string, Copy[]>()
  readonly #now: () => number
  #used = 0
  #byteMs = 0
  #counted: number

  constructor(now: () => number) {
    this.#now = now
    this.#counted = now()
  }

  get holders(): ReadonlyMap<string, Holder> {
    return this.#holders
  }

  /** Copies of a model, in every state. */
  of(key: string): readonly Copy[] {
    return this.#copies.get(key) ?? []
  }

  /** Copies by their model. */
  groups(): Iterable<readonly Copy[]> {
    return this.#copies.values()
  }

  *all(): Iterable<Copy> {
    for (const copies of this.#copies.values()) yield* copies
  }

  /** Bytes of all copies: loaded, reserved, and not free yet. */
  get used(): number {
    return this.#used
  }

  /** Bytes that executors need beside their copies. */
  get overhead(): number {
    let bytes = 0
    for (const { overhead } of this.#holders.values()) bytes += overhead
    return bytes
  }

  /** Bytes of those that go. */
  get leaving(): number {
    let bytes = 0
    for (const { state, bytes: each } of this.all()) if (state === 'draining' || state === 'unloading') bytes += each
    return bytes
  }

  /** Bytes of those that go and that nobody uses any more. */
  get unloading(): number {
    let bytes = 0
    for (const { state, bytes: each } of this.all()) if (state === 'unloading') bytes += each
    return bytes
  }

  /** Bytes of the files that are being loaded. */
  get loadingFileBytes(): number {
    let bytes = 0
    for (const { state, model } of this.all()) if (state === 'loading') bytes += model.bytes
    return bytes
  }

  /** Bytes × ms that were held so far. */
  get byteMs(): number {
    this.#use(0)
    return this.#byteMs
  }

  up(executor: string): void {
    if (!this.#holders.has(executor)) this.#holders.set(executor, new Holder(executor))
  }

  /** @returns the copies that went with it */
  down(executor: string): readonly Copy[] {
    const copies = [...(this.#holders.get(executor)?.copies.values() ?? [])]
    for (const copy of copies) {
      copy.gone = true
      this.remove(copy)
    }
    this.#holders.delete(executor)
    return copies
  }

  reserve(copy: Copy): void {
    this.#holders.get(copy.executor)?.copies.set(copy.model.key, copy)
    const others = this.#copies.get(copy.model.key)
    if (others === undefined) this.#copies.set(copy.model.key, [copy])
    else others.push(copy)
    this.#use(copy.bytes)
  }

  resize(copy: Copy, bytes: number): void {
    this.#use(bytes - copy.bytes)
    copy.bytes = bytes
  }

  remove(copy: Copy): void {
    const rest = this.of(copy.model.key).filter((other) => other !== copy)
    if (rest.length === 0) this.#copies.delete(copy.model.key)
    else this.#copies.set(copy.model.key, rest)
    this.#holders.get(copy.executor)?.copies.delete(copy.model.key)
    this.#use(-copy.bytes)
    for (const left of copy.onLeft.splice(0)) left()
  }

  #use(change: number): void {
    const now = this.#now()
    this.#byteMs += this.#used * (now - this.#counted)
    this.#counted = now
    // Exactly nothing when nothing is left, whatever the sums of fractions say.
    this.#used = this.#copies.size === 0 ? 0 : this.#used + change
  }
}
