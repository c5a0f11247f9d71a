import { Cancellation } from '../cancellation.ts'
import type { Timer } from '../clock.ts'
import type { StageContext } from '../context.ts'
import { Refused } from '../errors.ts'
import { evolve, type Failure, type Item, type Message, type Tried } from '../message.ts'
import type { Captured, ResultPayload } from '../payload.ts'
import { type Backup, lastAnswer, type Plan, type Restriction } from '../plan.ts'

/** How the attempts of a device's messages are made and shown; the pipeline's options say more. */
export interface AttemptRules {
  /** When a backup's answer is shown: once the planned one cannot come in time any more, or as soon as it is there. */
  readonly show: 'at-deadline' | 'first'
  /** Plans that one message is tried with, the first included, backups apart. */
  readonly attempts: number
}

/** An attempt that has ended, and when: local clock, ms. */
export interface Ended {
  readonly item: Item
  readonly at: number
  /** As it began. */
  readonly message: Message
}

/**
 * One message between capture and settlement: its passes under way, each under a plan of its own, and what those that
 * have ended leave in hand. Knows the rules, does nothing by itself.
 */
export class Flying {
  /** As it was captured. */
  readonly message: Message<Captured, 'device'>
  readonly count: number
  readonly handedIn: number | undefined
  /** What is planned for the pass that is not a backup. */
  plan: Plan
  /** Attempts begun so far, tries of one plan included. */
  attempts = 1
  /** Under way: the planned pass, and the backup. */
  planned: Message | undefined
  backup: Message | undefined
  /** Answers in hand: the best of those that were not accepted, and the backup's. */
  unaccepted: Ended | undefined
  stoodBy: Ended | undefined
  /** How the planned pass failed while the backup is waited for. */
  failed: Failure | undefined
  /** More than one pass was begun, so that it may end before those that were captured before it. */
  branched = false
  /** The planned answer cannot come in time any more. */
  overdue = false
  /** What it ended as; it may still wait for those before it. */
  end: Item | undefined
  dueTimer: Timer | undefined
  startTimer: Timer | undefined
  #backupBegun = false
  #passes = 1
  #plans = 1
  #tried: readonly Tried[] = []
  #open: Restriction = {}

  /**
   * @param count how many were in flight once it was
   * @param handedIn the fingerprint of what was captured, where somebody looks whether it stays as it was
   */
  constructor(message: Message<Captured, 'device'>, count: number, handedIn?: number) {
    this.message = message
    this.count = count
    this.handedIn = handedIn
    this.plan = message.plan
    this.planned = message
  }

  /** The pass that an item belongs to, if it is under way. */
  passOf({ pass }: Item): Message | undefined {
    if (this.planned?.pass === pass && this.planned) return this.planned
    return this.backup?.pass === pass ? this.backup : undefined
  }

  /** The model of a backup that is planned and was not begun. */
  get backupModel(): string | undefined {
    const { backup } = this.plan
    return this.#backupBegun ? undefined : modelOf(backup)
  }

  /** Ends the waiting for a backup's start. */
  stopTimers(): void {
    this.dueTimer?.cancel()
    this.startTimer?.cancel()
  }

  /** The pass of a backup: all of it on the device, from what was captured. */
  beginBackup(model: string, now: number): Message {
    this.#backupBegun = true
    this.branched = true
    this.backup = this.#pass({ began: now, plan: { cut: 'answered', model }, open: {}, backup: true })
    return this.backup
  }

  /** The pass that follows one without an acceptable end, with what is left to choose from. */
  beginAgain(open: Restriction, { item, at }: Ended): Message {
    const plan = item.kind === 'dropped' ? this.plan : item.plan
    const tried: Tried = {
      plan,
      ...(item.kind === 'failure' ? { error: item.error.code } : {}),
      ...(item.kind === 'failure' && item.error instanceof Refused && item.error.retryAfter !== undefined
        ? { retryAfter: item.error.retryAfter }
        : {}),
      ...(item.kind === 'message' && item.payload.form === 'result' ? { score: item.payload.score } : {}),
    }
    this.#plans++
    this.#tried = [...this.#tried, tried]
    this.#open = open
    this.branched = true
    this.plan = this.message.plan
    this.planned = this.#pass({ began: at, open, tried: this.#tried })
    return this.planned
  }

  /**
   * What another attempt could choose from after this one; undefined when there is nothing that was not tried, or none
   * that could make use of it.
   */
  again(item: Item, rules: AttemptRules, context: StageContext): Restriction | undefined {
    if (this.overdue || this.#plans >= rules.attempts) return undefined
    if (item.kind === 'message') return this.#besides(item.plan.model, context)
    if (item.kind === 'dropped' || !item.error.retryable || context.deciders.length === 0) return undefined
    return this.#elsewhere(item.plan, context)
  }

  /** The answer that is shown when the planned one is late or has failed. */
  standIn(last: ResultPayload | undefined): Item | undefined {
    const inHand = this.unaccepted ?? this.stoodBy
    if (inHand) return inHand.item
    if (this.plan.backup !== 'last' || !last) return undefined
    return evolve<Captured, 'device', ResultPayload>(this.message, {
      payload: last,
      plan: { cut: 'answered', model: lastAnswer },
      backup: true,
    })
  }

  /** Of two answers that were not accepted the surer one. */
  keep(ended: Ended): void {
    if (!this.unaccepted || scoreOf(ended.item) >= scoreOf(this.unaccepted.item)) this.unaccepted = ended
  }

  /** The other models: the same one would say the same again. */
  #besides(model: string | undefined, { models }: StageContext): Restriction | undefined {
    const left = (this.#open.models ?? models?.ids ?? []).filter((id) => id !== model)
    return model === undefined || left.length === 0 ? undefined : { ...this.#open, models: left }
  }

  /** Another node where one was named; else the other side of the wire. */
  #elsewhere({ cut, target }: Plan, { route, world }: StageContext): Restriction | undefined {
    const {
      cuts = route.prepares ? (['captured', 'prepared', 'answered'] as const) : (['captured', 'answered'] as const),
    } = this.#open
    if (cut === 'answered') {
      const left = cuts.filter((one) => one !== 'answered')
      return route.wire && left.length > 0 ? { ...this.#open, cuts: left } : undefined
    }
    if (target !== undefined && target !== 'any') {
      const left = (this.#open.targets ?? world.value('targets') ?? []).filter((one) => one !== target)
      if (left.length > 0) return { ...this.#open, targets: left }
    }
    const here = route.prepares && route.executes && cuts.includes('answered')
    return here ? { ...this.#open, cuts: ['answered'] } : undefined
  }

  #pass(change: Pick<Partial<Message>, 'began' | 'plan' | 'open' | 'tried' | 'backup'>): Message {
    return evolve<Captured, 'device'>(this.message, {
      ...change,
      attempt: ++this.attempts,
      pass: this.#passes++,
      cancellation: new Cancellation(),
    })
  }
}

function modelOf(backup: Backup | undefined): string | undefined {
  return backup?.startsWith('model:') ? backup.slice('model:'.length) : undefined
}

export function scoreOf(item: Item): number {
  return item.kind === 'message' && item.payload.form === 'result' ? item.payload.score : 0
}
