import type { Clock } from '../clock.ts'
import type { StageContext } from '../context.ts'
import { DeadlineExceeded, type QuintetError } from '../errors.ts'
import { failure, type Item, type Message } from '../message.ts'
import { lastAnswer, type Restriction } from '../plan.ts'
import { type AttemptRules, type Ended, type Flying, scoreOf } from './flying.ts'
import type { LastAnswers } from './last.ts'
import { Margin } from './margin.ts'
import { observe } from './observe.ts'

export interface PassesOptions {
  readonly context: StageContext
  readonly rules: AttemptRules
  readonly last: LastAnswers
  /** Takes a further pass of a message in, where captures come in. */
  readonly enter: (message: Message) => void
  /** A message has more passes than one from now on. */
  readonly branched: () => void
  /** A message has its end; called again when one that waits may wait no longer. */
  readonly end: (flying: Flying) => void
}

/** Passes of a message that has ended, which have not come out yet. */
interface Trail {
  readonly flying: Flying
  readonly under: Map<number | undefined, Message>
}

/**
 * Makes further attempts of messages, and decides which one settles each: the planned answer in time, else the one that
 * stands in for it; what can no longer win is cancelled. Tells the deciders of every attempt.
 */
export class Passes {
  readonly #options: PassesOptions
  readonly #context: StageContext
  readonly #clock: Clock
  readonly #margin: Margin
  readonly #trails = new Map<string, Trail>()
  readonly #counts = { attempts: 0, backups: 0, again: 0, shown: 0, repeated: 0, late: 0, abandoned: 0 }

  constructor(options: PassesOptions) {
    this.#options = options
    this.#context = options.context
    this.#clock = options.context.clock
    this.#margin = new Margin(options.context.deadline / 4)
  }

  /**
   * `attempts` that have ended · `backups` begun · `again`: passes begun because an answer was not accepted or an
   * attempt had failed · `shown`: answers that stood in, `repeated` ones among them · `late` answers · `abandoned`: attempts
   * cancelled because they could no longer win.
   */
  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#counts }
  }

  /** Messages that have ended of which a pass is still under way. */
  get trailing(): number {
    return this.#trails.size
  }

  trails(id: string): boolean {
    return this.#trails.has(id)
  }

  /** A message has this plan now. */
  planned(flying: Flying, { plan, pass }: Message): void {
    if (pass !== flying.planned?.pass) return
    flying.plan = plan
    if (plan.backup === undefined || plan.backup === 'none') return
    this.#watch(flying)
    if (flying.backupModel === undefined || flying.startTimer) return
    const now = this.#clock.now()
    const wait = flying.message.captured + (plan.backupAfter ?? 0) - now
    if (wait <= 0) this.#beginBackup(flying)
    else flying.startTimer = this.#clock.after(wait, () => this.#beginBackup(flying))
  }

  /** One pass has ended; false when it is none of those under way. */
  ended(flying: Flying, item: Item): boolean {
    if (flying.end !== undefined) return false
    const message = flying.passOf(item)
    if (!message) return false
    const ended: Ended = { item, at: this.#clock.now(), message }
    if (item.kind !== 'message') message.cancellation?.cancel(lateness(item))
    if (message === flying.backup) {
      flying.backup = undefined
      this.#backupEnded(flying, ended)
    } else {
      flying.planned = undefined
      this.#plannedEnded(flying, ended)
    }
    return true
  }

  /** A pass of a message that has ended otherwise. */
  trailed(item: Item): void {
    const trail = this.#trails.get(item.id)
    const message = trail?.under.get(item.pass)
    if (item.kind === 'message' || !trail) {
      this.#counts.late++
      this.#context.events.emit({ type: 'late', id: item.id, stage: 'settle' })
    }
    if (!trail || !message) return
    trail.under.delete(item.pass)
    if (trail.under.size === 0) this.#trails.delete(item.id)
    this.#tell({ item, at: this.#clock.now(), message }, false)
  }

  /** Ends a message with the answer in hand, where there is one, else with an error. */
  abort(flying: Flying, error: QuintetError, stage: string): void {
    flying.overdue = true
    if (flying.end !== undefined) return this.#options.end(flying)
    const { planned, message } = flying
    const failed = failure(planned ?? message, stage, error)
    const item = flying.standIn(undefined) ?? failed
    flying.planned = undefined
    if (planned) this.#tell({ item: failed, at: this.#clock.now(), message: planned }, item === failed)
    planned?.cancellation?.cancel(error)
    this.#end(flying, item)
  }

  /** Forgets passes whose time was over before this moment, local clock, ms: an operator has lost them. */
  forget(before: number): void {
    for (const [id, { flying }] of this.#trails) if (flying.message.expires < before) this.#trails.delete(id)
  }

  close(): void {
    this.#trails.clear()
  }

  #plannedEnded(flying: Flying, ended: Ended): void {
    const { rules } = this.#options
    const { item } = ended
    if (item.kind === 'message') {
      const { accept = 0 } = item.plan
      const again = scoreOf(item) < accept ? flying.again(item, rules, this.#context) : undefined
      // Of what was not accepted either, the surer answer.
      if (!again) return this.#endBest(flying, ended)
      flying.keep(ended)
      return this.#beginAgain(flying, again, ended)
    }
    if (item.kind === 'dropped' && item.reason === 'filtered') return this.#endWith(flying, ended)
    if (item.kind === 'failure') {
      // Deciders had nothing new for it: what went before is how it ended.
      if (item.error.code === 'cancelled' && flying.failed)
        return this.#end(flying, this.#standIn(flying) ?? flying.failed)
      flying.failed = item
    }
    if (flying.unaccepted || flying.stoodBy) return this.#endInstead(flying, ended)
    // What costs executors is run nowhere any more, a backup's included.
    if (item.kind === 'failure' && item.error.code === 'quarantined') {
      return this.#standIn(flying) ? this.#endInstead(flying, ended) : this.#endWith(flying, ended)
    }
    if (flying.backup) return this.#tell(ended, false)
    if (flying.backupModel !== undefined) {
      this.#tell(ended, false)
      return this.#beginBackup(flying)
    }
    const standIn = this.#standIn(flying)
    if (standIn) return this.#endInstead(flying, ended)
    const again = flying.again(item, rules, this.#context)
    if (!again) return this.#endWith(flying, ended)
    this.#tell(ended, false)
    this.#beginAgain(flying, again, ended)
  }

  #backupEnded(flying: Flying, ended: Ended): void {
    if (ended.item.kind === 'message') {
      flying.stoodBy = ended
      const now = flying.overdue || !flying.planned || this.#options.rules.show === 'first'
      if (now) this.#end(flying, ended.item)
      return
    }
    this.#tell(ended, false)
    if (flying.planned) return
    // Nothing is under way any more: the planned attempt's own failure says more than its backup's.
    this.#end(flying, this.#standIn(flying) ?? flying.failed ?? ended.item)
  }

  /** The planned answer cannot come in time any more. */
  #onDue(flying: Flying, due: number): void {
    flying.overdue = true
    if (flying.end !== undefined) return this.#options.end(flying)
    const standIn = this.#standIn(flying)
    if (!standIn) return
    this.#end(flying, standIn)
    this.#margin.observe(this.#clock.now() - due)
  }

  #standIn(flying: Flying): Item | undefined {
    return flying.standIn(this.#options.last.get(flying.message.source)?.payload)
  }

  #beginBackup(flying: Flying): void {
    const model = flying.backupModel
    if (model === undefined || flying.end !== undefined) return
    this.#counts.backups++
    this.#branch(flying)
    const message = flying.beginBackup(model, this.#clock.now())
    const { id, attempt, plan } = message
    this.#context.events.emit({ type: 'attempt', id, attempt, plan })
    this.#enter(flying, message)
  }

  #beginAgain(flying: Flying, open: Restriction, ended: Ended): void {
    const { item } = ended
    if (item.kind === 'failure') {
      const { id, attempt, error } = item
      this.#context.events.emit({ type: 'attempt-failed', id, attempt, error })
    }
    this.#counts.again++
    this.#branch(flying)
    this.#watch(flying)
    this.#enter(flying, flying.beginAgain(open, ended))
  }

  #branch(flying: Flying): void {
    if (!flying.branched) this.#options.branched()
  }

  /** Behind what happens now: the stages are in the midst of a message. */
  #enter(flying: Flying, message: Message): void {
    queueMicrotask(() => {
      if (flying.end === undefined) this.#options.enter(message)
    })
  }

  /** Looks at what is in hand when the planned answer can only just be shown in time. */
  #watch(flying: Flying): void {
    const { captured, deadline = this.#context.deadline } = flying.message
    if (flying.dueTimer || !Number.isFinite(deadline)) return
    const now = this.#clock.now()
    const due = Math.max(now, captured + deadline - Math.min(this.#margin.ms, deadline / 4))
    flying.dueTimer = this.#clock.after(due - now, () => this.#onDue(flying, due))
  }

  #endBest(flying: Flying, ended: Ended): void {
    const { unaccepted } = flying
    const { accept = 0 } = ended.item.kind === 'message' ? ended.item.plan : {}
    if (unaccepted && scoreOf(ended.item) < accept && scoreOf(unaccepted.item) > scoreOf(ended.item)) {
      return this.#endInstead(flying, ended)
    }
    this.#endWith(flying, ended)
  }

  /** Ends a message with what this attempt of it has ended with. */
  #endWith(flying: Flying, ended: Ended): void {
    this.#tell(ended, true)
    this.#end(flying, ended.item)
  }

  /** Ends a message with the answer in hand, since this attempt of it is none to be shown. */
  #endInstead(flying: Flying, ended: Ended): void {
    this.#tell(ended, false)
    this.#end(flying, this.#standIn(flying) ?? ended.item)
  }

  /** The end of a message: what is in hand was for this or for nothing, what is under way is not wanted any more. */
  #end(flying: Flying, item: Item): void {
    flying.stopTimers()
    for (const inHand of [flying.unaccepted, flying.stoodBy]) if (inHand) this.#tell(inHand, inHand.item === item)
    if (item.kind === 'message' && item.backup) {
      this.#counts.shown++
      if (item.plan.model === lastAnswer) this.#counts.repeated++
    }
    const { attempts, planned, backup } = flying
    flying.end = item.kind === 'dropped' || item.attempt === attempts ? item : { ...item, attempt: attempts }
    const under = [planned, backup].filter((message) => message !== undefined)
    if (under.length > 0) {
      this.#counts.abandoned += under.length
      const { id } = flying.message
      this.#trails.set(id, { flying, under: new Map(under.map((message) => [message.pass, message])) })
    }
    this.#options.end(flying)
    // Only now: it lets what was captured later go past. What is given up because its time is over tells so of its plan.
    for (const message of under) message.cancellation?.cancel(flying.overdue ? abandoned() : undefined)
  }

  #tell({ item, at, message }: Ended, settled: boolean): void {
    this.#counts.attempts++
    observe(item, message, message.original, this.#context, { settled, at })
  }
}

/** Whatever still works on what is late ends as late, too. */
function lateness(item: Item): QuintetError | undefined {
  return item.kind === 'failure' && item.error.code === 'deadline-exceeded' ? item.error : undefined
}

const abandoned = () =>
  new DeadlineExceeded('The answer did not come while it could still be shown in time. Another stood in for it.')
