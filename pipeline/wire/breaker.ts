import { type BackoffPolicy, pauseAfter } from '../actors/supervision.ts'
import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { Verdict } from './verdict.ts'

/*
 * Nodes are judged by what becomes of the messages that they take, each by a circuit breaker (Nygard, "Release It!"):
 * closed while it does well; open, and passed by, after it did badly; then half-open: one message at a time is its trial,
 * whose answer closes it and whose loss opens it for longer.
 */

/** Outcomes that are remembered of each node, and for how long, ms. */
const remembered = 20
const lately = 60_000
/** So many faults in a row that can only be the node's, and it is passed by. */
const inRow = 3
/** Of fewer outcomes no share is taken. */
const leastOutcomes = 5
/** A node is passed by for so large a share of messages that it did not answer … */
const badShare = 0.5
/** … where that is so much more than what the others leave unanswered: what all of them fail is the messages' own fault. */
const moreThanOthers = 0.4
/** Between two trials: whoever works again is taken back within 20 seconds. */
const pausing: BackoffPolicy = { first: 4_000, factor: 2, longest: 16_000, jitter: 0 }
/** Names come off the wire. */
const mostNodes = 1024

/** Where a message had better go: to one node, or (undefined) to any of the group; `trial`: what comes of it decides. */
export interface Choice {
  readonly node?: string
  readonly trial?: true
}

export interface BreakersOptions {
  readonly clock: Clock
  readonly events: Events
  /** A node is passed by from now on. */
  readonly onOpen?: (node: string) => void
}

/** The breakers of all nodes that a caller has heard of, and one of the group, for what cannot be laid at a node's door. */
export class Breakers {
  readonly #options: BreakersOptions
  readonly #nodes = new Map<string, Breaker>()
  readonly #group: Breaker
  #turn = 0

  constructor(options: BreakersOptions) {
    this.#options = options
    this.#group = new Breaker(options.clock)
  }

  /** Nodes heard of. */
  get nodes(): ReadonlyMap<string, unknown> {
    return this.#nodes
  }

  /** A node gave a sign of life. */
  heard(node: string): void {
    this.#of(node).heard = this.#options.clock.now()
  }

  /** Whether any node but this one gave a sign of life since then (local clock, ms). */
  heardSince(at: number, besides?: string): boolean {
    for (const [node, { heard }] of this.#nodes) if (node !== besides && heard > at) return true
    return false
  }

  /** Whether a node was not heard of since then (local clock, ms), though others were. */
  gone(node: string, at: number): boolean {
    return (this.#nodes.get(node)?.heard ?? at) <= at && this.heardSince(at, node)
  }

  forget(node: string): void {
    this.#nodes.delete(node)
  }

  clear(): void {
    this.#nodes.clear()
  }

  isOpen(node: string): boolean {
    return this.#nodes.get(node)?.open ?? false
  }

  /** How many nodes there are that do well, besides these. */
  well(besides: ReadonlySet<string>): number {
    let count = 0
    for (const [node, { open }] of this.#nodes) if (!open && !besides.has(node)) count += 1
    return count
  }

  /** @param node undefined: nobody knows which of the group it was */
  judge({ node, trial }: Choice, verdict: Verdict): void {
    const breaker = node === undefined ? this.#group : this.#of(node)
    const before = breaker.state
    if (verdict === 'answered') breaker.succeeded(trial === true)
    else if (verdict === 'late') breaker.returned()
    else if (node === undefined) breaker.trip(verdict)
    else if (trial) {
      // Where nobody answers such messages, one that is not answered says nothing of the node.
      if (verdict === 'doubtful' && (this.#share(node) ?? 0) >= badShare) breaker.trying = false
      else breaker.trip(verdict)
    } else breaker.failed(verdict, () => this.#share(node))
    const after = breaker.state
    if (before === after && !trial) return
    if (after === 'open' && node !== undefined) this.#options.onOpen?.(node)
    this.#options.events.emit({ type: 'breaker', node, state: after, verdict })
  }

  /** A trial came to nothing that says anything of the node: the next message is one. */
  untried({ node }: Choice): void {
    const breaker = node === undefined ? this.#group : this.#nodes.get(node)
    if (breaker) breaker.trying = false
  }

  /**
   * @param passed nodes that have had this message
   * @param fits whether a node can be spoken to
   * @param named whether it must go to one node, whoever does well
   */
  choose(passed: ReadonlySet<string | undefined>, fits: (node: string) => boolean, named = false): Choice {
    const now = this.#options.clock.now()
    const well: string[] = []
    let avoiding = named || this.#group.open || passed.size > 0
    for (const [node, breaker] of this.#nodes) {
      if (breaker.open) {
        avoiding = true
        if (passed.size === 0 && breaker.due(now) && fits(node)) return this.#trial(breaker, node)
      } else if (fits(node)) well.push(node)
    }
    if (!avoiding) return {}
    if (passed.size === 0 && this.#group.due(now)) return this.#trial(this.#group)
    const fresh = well.filter((node) => !passed.has(node))
    // Others of the group may be free that were never heard of.
    const again = this.#group.open || well.length < this.#nodes.size ? well : []
    const among = fresh.length > 0 ? fresh : again
    const node = among[this.#turn++ % among.length]
    return node === undefined ? {} : { node }
  }

  #trial(breaker: Breaker, node?: string): Choice {
    breaker.trying = true
    this.#options.events.emit({ type: 'breaker', node, state: 'half-open' })
    return node === undefined ? { trial: true } : { node, trial: true }
  }

  #of(node: string): Breaker {
    let breaker = this.#nodes.get(node)
    if (!breaker) {
      if (this.#nodes.size >= mostNodes) this.#nodes.delete(this.#nodes.keys().next().value as string)
      breaker = new Breaker(this.#options.clock)
      this.#nodes.set(node, breaker)
    }
    return breaker
  }

  /** What the others, taken together, left unanswered lately; undefined while that is not known. */
  #share(besides: string): number | undefined {
    let bad = 0
    let all = 0
    for (const [node, breaker] of this.#nodes) {
      if (node === besides || breaker.open) continue
      const counted = breaker.counted()
      bad += counted.bad
      all += counted.all
    }
    return all < leastOutcomes ? undefined : bad / all
  }
}

class Breaker {
  readonly #clock: Clock
  /** Oldest first. */
  #outcomes: { readonly at: number; readonly good: boolean }[] = []
  #row = 0
  /** Times in a row that it was opened without doing well for long in between. */
  #openings = 0
  #until: number | undefined
  /** What opened it last. */
  #cause: Verdict | undefined
  /** A trial is under way. */
  trying = false
  heard = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Passed by, its trials apart. */
  get open(): boolean {
    return this.#until !== undefined
  }

  get state(): 'open' | 'closed' {
    return this.open ? 'open' : 'closed'
  }

  /** Whether its next message is a trial. */
  due(now: number): boolean {
    return this.#until !== undefined && now >= this.#until && !this.trying
  }

  succeeded(trial: boolean): void {
    if (this.open && !trial) return
    this.trying = false
    this.#until = undefined
    this.#row = 0
    this.#note(true)
    if (this.#openings > 0 && this.#outcomes.length >= remembered && this.#outcomes.every(({ good }) => good)) {
      this.#openings = 0
    }
  }

  /** Its silence was none: it was slow. Whatever else it is passed by for stands. */
  returned(): void {
    if (this.open) {
      if (this.#cause !== 'silent') return
      this.#openings -= 1
      this.#until = undefined
      this.trying = false
    }
    this.#note(true)
  }

  failed(verdict: Exclude<Verdict, 'answered' | 'late'>, others: () => number | undefined): void {
    if (this.open) return
    this.#note(false)
    this.#row = verdict === 'broken' ? this.#row + 1 : 0
    // One that was taken back a short while ago is not trusted again so soon.
    const rash =
      verdict === 'silent' || this.#row >= inRow || (this.#openings > 0 && this.#outcomes.length < remembered)
    if (rash && verdict !== 'doubtful') return this.trip(verdict)
    const { bad, all } = this.counted()
    if (all < leastOutcomes || bad / all < badShare) return
    const usual = others()
    if (usual !== undefined && bad / all - usual >= moreThanOthers) this.trip(verdict)
  }

  trip(cause: Verdict): void {
    this.#cause = cause
    this.#openings += 1
    this.#until = this.#clock.now() + pauseAfter(this.#openings, pausing)
    this.trying = false
    this.#row = 0
    this.#outcomes = []
  }

  counted(): { readonly bad: number; readonly all: number } {
    const since = this.#clock.now() - lately
    let bad = 0
    let all = 0
    for (const { at, good } of this.#outcomes) {
      if (at < since) continue
      all += 1
      if (!good) bad += 1
    }
    return { bad, all }
  }

  #note(good: boolean): void {
    this.#outcomes.push({ at: this.#clock.now(), good })
    if (this.#outcomes.length > remembered) this.#outcomes.shift()
  }
}
