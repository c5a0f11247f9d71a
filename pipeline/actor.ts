import { type Clock, systemClock } from './clock.ts'
import { ActorStopped, DeadlineExceeded, MailboxFull } from './errors.ts'
import { Events } from './events.ts'
import { Mailbox, type MailboxCounts, type Overflow } from './mailbox.ts'
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
}

/**
 * A behaviour with an address and a bounded mailbox, supervised: when it crashes, only the message that crashed it is
 * lost (an `ask` gets the error); it is started again with backoff, the others wait in the mailbox. When its restart
 * budget ends it stops and escalates.
 */
export class Actor<M, R> implements ActorRef<M, R> {
  readonly name: string
  readonly #start: () => Behaviour<M, R> | Promise<Behaviour<M, R>>
  readonly #mailbox: Mailbox<Envelope<M, R>>
  readonly #clock: Clock
  readonly #events: Events
  readonly #budget: RestartBudget
  readonly #onEscalate: (error: unknown) => void
  #behaviour: Behaviour<M, R> | undefined
  #state: 'idle' | 'busy' | 'stopping' | 'stopped' = 'idle'
  #stopped: Error | undefined
  #settled: (() => void) | undefined

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
    await this.#post({ message, resolve: () => {}, reject: () => {} })
  }

  ask(message: M, deadline: number): Promise<R> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(deadline, () =>
        reject(
          new DeadlineExceeded(`"${this.name}" did not answer within ${deadline} ms. Allow more, or ask less at once.`),
        ),
      )
      const settle =
        <T>(how: (value: T) => void) =>
        (value: T) => {
          timer.cancel()
          how(value)
        }
      this.#post({ message, resolve: settle(resolve), reject: settle(reject) }).catch(settle(reject))
    })
  }

  /** Finishes the message in hand, rejects those that wait with `ActorStopped`, frees the behaviour. Idempotent. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    if (this.#state === 'busy' || this.#state === 'stopping') {
      this.#state = 'stopping'
      await new Promise<void>((resolve) => {
        const before = this.#settled
        this.#settled = () => {
          before?.()
          resolve()
        }
      })
      return
    }
    await this.#end(new ActorStopped(`"${this.name}" was stopped. Start a new one to go on.`))
  }

  async #post(envelope: Envelope<M, R>): Promise<void> {
    if (this.#stopped || this.#state === 'stopping')
      throw this.#stopped ?? new ActorStopped(`"${this.name}" is stopping.`)
    const entered = this.#mailbox.push(envelope)
    if (entered === false) {
      this.#events.emit({ type: 'overflow', where: this.name, policy: 'reject' })
      throw new MailboxFull(
        `The mailbox of "${this.name}" is full (${this.#mailbox.capacity}). Send later, or more slowly.`,
      )
    }
    if (this.#state === 'idle') void this.#work()
    if (entered !== true) {
      this.#events.emit({ type: 'overflow', where: this.name, policy: 'block' })
      await entered
      if (this.#stopped) throw this.#stopped
    }
  }

  async #work(): Promise<void> {
    this.#state = 'busy'
    for (let next = this.#mailbox.shift(); next; next = this.#mailbox.shift()) {
      try {
        this.#behaviour ??= await this.#start()
        next.resolve(await this.#behaviour.receive(next.message))
      } catch (error) {
        next.reject(error)
        if (!(await this.#restart(error))) return
      }
      if (this.#stopping()) break
    }
    if (this.#stopping()) await this.#end(new ActorStopped(`"${this.name}" was stopped. Start a new one to go on.`))
    else this.#state = 'idle'
  }

  // A method, so that the compiler does not carry a narrowed state across an await.
  #stopping(): boolean {
    return this.#state === 'stopping'
  }

  /** Waits out the backoff; false when the budget has ended. */
  async #restart(error: unknown): Promise<boolean> {
    await this.#free()
    const pause = this.#budget.crashed()
    if (pause === undefined) {
      const reason = error instanceof Error ? error.message : String(error)
      await this.#end(
        new ActorStopped(`"${this.name}" crashed more often than its restart budget allows; the last time: ${reason}`, {
          cause: error,
        }),
      )
      this.#events.emit({ type: 'escalated', actor: this.name, error })
      this.#onEscalate(error)
      return false
    }
    await new Promise<void>((resolve) => this.#clock.after(pause, resolve))
    this.#events.emit({ type: 'restarted', actor: this.name, restarts: this.#budget.restarts, error })
    return true
  }

  async #end(reason: Error): Promise<void> {
    this.#state = 'stopped'
    this.#stopped = reason
    for (const envelope of this.#mailbox.clear()) envelope.reject(reason)
    await this.#free()
    this.#settled?.()
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
