import { type Clock, sleep, systemClock } from './clock.ts'
import { ActorStopped, DeadlineExceeded, MailboxFull } from './errors.ts'
import { Events } from './events.ts'
import { Mailbox, type MailboxCounts, type Overflow } from './mailbox.ts'
import { within } from './settlement.ts'
import { RestartBudget, type RestartPolicy } from './supervise.ts'

/** What an actor does with its messages; made anew by its factory at every start, so that a crash leaves no state. */
export interface Behaviour<M, R> {
  /** Handles one message at a time; what it returns (or resolves to) answers an `ask`. Throwing is a crash. */
  receive(message: M): R | Promise<R>
  /** Frees what the behaviour owns, before a restart and at the end. */
  stop?(): void | Promise<void>
}

/** What one can do with an actor, wherever it is. */
export interface ActorRef<M, R> {
  readonly name: string
  /**
   * Puts a message into the mailbox; resolves when it is in.
   * @throws MailboxFull where overflow is `reject` · ActorStopped
   */
  tell(message: M): Promise<void>
  /**
   * Puts a message into the mailbox and waits for the reply.
   * @param deadline ms, from the call
   * @throws DeadlineExceeded nobody answered in time · MailboxFull · ActorStopped · whatever the behaviour threw
   */
  ask(message: M, deadline: number): Promise<R>
}

export interface ActorOptions {
  readonly capacity?: number
  readonly overflow?: Overflow
  readonly restart?: Partial<RestartPolicy>
  /** Told when the restart budget is used up; the actor has stopped. */
  readonly onEscalate?: (error: unknown) => void
  readonly clock?: Clock
  readonly events?: Events
}

interface Envelope<M, R> {
  readonly message: M
  readonly resolve: (reply: R) => void
  readonly reject: (error: unknown) => void
  /** Nobody waits for it any longer: its `ask` has ended. */
  over: boolean
}

/**
 * A behaviour with an address and a bounded mailbox, supervised: when it crashes, only the message that crashed it is
 * lost (an `ask` gets the error); it is started again with backoff, the others wait in the mailbox. A start that fails
 * loses none. When its restart budget ends it stops and escalates.
 */
export class Actor<M, R> implements ActorRef<M, R> {
  readonly name: string
  readonly #start: () => Behaviour<M, R> | Promise<Behaviour<M, R>>
  readonly #mailbox: Mailbox<Envelope<M, R>>
  readonly #clock: Clock
  readonly #events: Events
  readonly #budget: RestartBudget
  readonly #onEscalate: (error: unknown) => void
  /** Ends a backoff early. */
  readonly #interrupt = new AbortController()
  #behaviour: Behaviour<M, R> | undefined
  #working: Promise<void> | undefined
  #inHand: Envelope<M, R> | undefined
  /** Why it takes nothing any more. */
  #stopped: ActorStopped | undefined
  #stopping: Promise<void> | undefined
  #closed = false

  constructor(name: string, start: () => Behaviour<M, R> | Promise<Behaviour<M, R>>, options: ActorOptions = {}) {
    this.name = name
    this.#start = start
    this.#clock = options.clock ?? systemClock
    this.#events = options.events ?? new Events()
    this.#budget = new RestartBudget(options.restart ?? {}, this.#clock)
    this.#onEscalate = options.onEscalate ?? (() => {})
    const overflow = options.overflow ?? 'block'
    this.#mailbox = new Mailbox(options.capacity ?? 1024, overflow, (oldest) => {
      this.#events.emit({ type: 'overflow', where: name, policy: overflow })
      oldest.reject(
        new MailboxFull(`The mailbox of "${name}" was full and this was its oldest message. Send more slowly.`),
      )
    })
  }

  get mailbox(): MailboxCounts & { readonly length: number } {
    return { ...this.#mailbox.counts, length: this.#mailbox.length }
  }

  get restarts(): number {
    return this.#budget.restarts
  }

  async tell(message: M): Promise<void> {
    await this.#post({ message, resolve: () => {}, reject: () => {}, over: false })
  }

  ask(message: M, deadline: number): Promise<R> {
    return new Promise((resolve, reject) => {
      const end =
        <T>(how: (value: T) => void) =>
        (value: T) => {
          timer.cancel()
          envelope.over = true
          how(value)
        }
      const envelope: Envelope<M, R> = { message, resolve: end(resolve), reject: end(reject), over: false }
      const timer = this.#clock.after(deadline, () =>
        envelope.reject(
          new DeadlineExceeded(`"${this.name}" did not answer within ${deadline} ms. Allow more, or ask less at once.`),
        ),
      )
      this.#post(envelope).catch(envelope.reject)
    })
  }

  /**
   * Takes nothing more, rejects those that wait with `ActorStopped`, finishes the message in hand (at most `within`
   * ms), frees the behaviour. Idempotent.
   */
  stop(within = 10_000): Promise<void> {
    this.#stopping ??= this.#stop(within)
    return this.#stopping
  }

  async #stop(ms: number): Promise<void> {
    this.#refuse(new ActorStopped(`"${this.name}" was stopped. Start a new one to go on.`))
    this.#interrupt.abort()
    if (this.#working && !(await within(this.#working, ms, this.#clock))) {
      this.#inHand?.reject(
        new ActorStopped(`"${this.name}" was stopped, and ${ms} ms were not enough to finish this message.`),
      )
    }
    this.#closed = true
    if (this.#behaviour) await within(this.#free(), ms, this.#clock)
  }

  async #post(envelope: Envelope<M, R>): Promise<void> {
    if (this.#stopped) throw this.#stopped
    const entered = this.#mailbox.push(envelope)
    if (entered === false) {
      this.#events.emit({ type: 'overflow', where: this.name, policy: 'reject' })
      throw new MailboxFull(
        `The mailbox of "${this.name}" is full (${this.#mailbox.capacity}). Send later, or more slowly.`,
      )
    }
    this.#working ??= this.#work()
    if (entered !== true) {
      this.#events.emit({ type: 'overflow', where: this.name, policy: 'block' })
      await entered
      if (this.#stopped) throw this.#stopped
    }
  }

  async #work(): Promise<void> {
    for (let next = this.#mailbox.shift(); next; next = this.#mailbox.shift()) {
      if (next.over) continue
      this.#inHand = next
      await this.#handle(next)
      this.#inHand = undefined
    }
    this.#working = undefined
  }

  async #handle(envelope: Envelope<M, R>): Promise<void> {
    const behaviour = this.#behaviour ?? (await this.#started())
    if (!behaviour) return envelope.reject(this.#stopped)
    try {
      envelope.resolve(await behaviour.receive(envelope.message))
    } catch (error) {
      envelope.reject(error)
      await this.#restart(error)
    }
  }

  /** The behaviour, once a start succeeds; undefined when the actor has stopped instead. */
  async #started(): Promise<Behaviour<M, R> | undefined> {
    for (;;) {
      try {
        this.#behaviour = await this.#start()
        if (!this.#closed) return this.#behaviour
        // Nobody waits for it any longer, so nobody else will free it.
        await this.#free()
        return undefined
      } catch (error) {
        if (!(await this.#restart(error))) return undefined
      }
    }
  }

  /** Waits out the backoff; false when there is no other start. */
  async #restart(error: unknown): Promise<boolean> {
    await this.#free()
    if (this.#stopped) return false
    const pause = this.#budget.crashed()
    if (pause === undefined) {
      this.#escalate(error)
      return false
    }
    try {
      await sleep(this.#clock, pause, this.#interrupt.signal)
    } catch {
      return false
    }
    this.#events.emit({ type: 'restarted', actor: this.name, restarts: this.#budget.restarts, error })
    return true
  }

  #escalate(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.#refuse(
      new ActorStopped(`"${this.name}" crashed more often than its restart budget allows; the last time: ${reason}`, {
        cause: error,
      }),
    )
    this.#events.emit({ type: 'escalated', actor: this.name, error })
    try {
      this.#onEscalate(error)
    } catch (thrown) {
      this.#events.emit({ type: 'fault', where: this.name, error: thrown })
    }
  }

  #refuse(reason: ActorStopped): void {
    this.#stopped ??= reason
    for (const envelope of this.#mailbox.clear()) envelope.reject(this.#stopped)
  }

  async #free(): Promise<void> {
    const behaviour = this.#behaviour
    this.#behaviour = undefined
    try {
      await behaviour?.stop?.()
    } catch (error) {
      this.#events.emit({ type: 'fault', where: this.name, error })
    }
  }
}

/** Starts an actor; its behaviour is made when the first message comes. */
export function actor<M, R = void>(
  name: string,
  start: () => Behaviour<M, R> | Promise<Behaviour<M, R>>,
  options?: ActorOptions,
): Actor<M, R> {
  return new Actor(name, start, options)
}
