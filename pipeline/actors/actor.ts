import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import { ActorStopped, DeadlineExceeded, MailboxFull } from '../errors.ts'
import { Events } from '../events.ts'
import { made, readOptions } from '../options.ts'
import { isThenable, within } from '../settlement.ts'
import { Mailbox, type MailboxCounts, type Overflow } from './mailbox.ts'
import { type Escalation, type Owner, type RestartPolicy, type RestPolicy, Supervision } from './supervision.ts'

/**
 * What an actor does with its messages; made anew by its factory at every start. What it keeps to itself ends with a crash;
 * a resource that must outlive one belongs to whoever makes the actor, and is handed to the factory, which puts right what
 * the crash left half done.
 */
export interface Behaviour<M, R> {
  /**
   * Handles one message at a time; what it returns (or resolves to) answers an `ask`. Throwing is a crash. A `later`
   * answer lets the next message in before it is there.
   */
  receive(message: M): R | Promise<R> | Later<R>
  /** Frees what the behaviour owns, before a restart and at the end. @param within ms it may take */
  stop?(within: number): void | Promise<void>
}

/** An answer that takes its time while the actor goes on with other messages. */
export class Later<R> {
  readonly answer: Promise<R>

  constructor(answer: Promise<R>) {
    this.answer = answer
  }
}

/** Answers later, and takes the next message now. What the promise rejects with is the answer, and no crash. */
export function later<R>(answer: Promise<R>): Later<R> {
  return new Later(answer)
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
  /** Once given up it is tried again after a rest, and refuses what comes meanwhile. Default: it has stopped for good. */
  readonly rest?: Partial<RestPolicy>
  /** What it does to its owner when it is given up. Default: nothing; it alone is unavailable. */
  readonly escalate?: Escalation
  /** Told of each crash and each start that fails, before what is left is freed. `final`: it is given up. */
  readonly onCrash?: (error: unknown, final: boolean) => void
  readonly clock?: Clock
  readonly events?: Events
  /** 0 ≤ x < 1, for the jitter of its restarts. */
  readonly random?: () => number
}

const actorOptions = z.strictObject({
  capacity: z.number().int().min(1).default(1024),
  overflow: z.enum(['block', 'drop-oldest', 'reject']).default('block'),
  restart: z.unknown().optional(),
  rest: z.unknown().optional(),
  escalate: made<Escalation>('an escalation').optional(),
  onCrash: made<NonNullable<ActorOptions['onCrash']>>('a function').optional(),
  clock: made<Clock>('a clock').optional(),
  events: made<Events>('events').optional(),
  random: made<() => number>('a function that gives 0 ≤ x < 1').optional(),
} satisfies Record<keyof ActorOptions, z.ZodType>)

interface Envelope<M, R> {
  readonly message: M
  readonly resolve: (reply: R) => void
  readonly reject: (error: unknown) => void
  /** Nobody waits for it any longer: its `ask` has ended. */
  over: boolean
}

/** How long a behaviour that crashed may take to free what it owns before the next one starts all the same, ms. */
const freeWithin = 10_000
const entered = Promise.resolve()
const ignore = () => {}

/**
 * A behaviour with an address and a bounded mailbox, supervised: when it crashes, only the message that crashed it is
 * lost (an `ask` gets the error); it is started again after a pause, the others wait in the mailbox. A start that fails
 * loses none. When its restarts are used up it stops and escalates.
 *
 * A message to an actor that does nothing else is handled within the call that brings it, up to the first wait: no turn of
 * the event loop lies between. What a behaviour sends to its own actor is handled after what it does now.
 */
export class Actor<M, R> implements ActorRef<M, R>, Owner {
  readonly name: string
  readonly #start: () => Behaviour<M, R> | Promise<Behaviour<M, R>>
  readonly #options: ActorOptions
  readonly #mailbox: Mailbox<Envelope<M, R>>
  readonly #clock: Clock
  readonly #events: Events
  readonly #supervision: Supervision
  #behaviour: Behaviour<M, R> | undefined
  /** It starts, has a message in hand, or pauses: whatever comes waits. */
  #busy = false
  #inHand: Envelope<M, R> | undefined
  /** Asks whose answer comes later. */
  readonly #open = new Set<Envelope<M, R>>()
  /** It waits for its restart, or for what the last behaviour frees. */
  #pausing = false
  /** Failed from outside while it was being started. */
  #doomed: { readonly error: unknown } | undefined
  /** Why it takes nothing any more. */
  #stopped: ActorStopped | undefined
  #stopping: Promise<void> | undefined
  /** Why it takes nothing for now: it was given up, and rests. */
  #resting: ActorStopped | undefined
  #onRest: () => void = ignore
  #closed = false

  /** @throws BadConfiguration naming the option that is wrong */
  constructor(name: string, start: () => Behaviour<M, R> | Promise<Behaviour<M, R>>, options: ActorOptions = {}) {
    const { capacity, overflow } = readOptions(actorOptions, options, `actor "${name}"`)
    this.name = name
    this.#start = start
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#events = options.events ?? new Events()
    this.#supervision = new Supervision({ ...options, clock: this.#clock })
    this.#mailbox = new Mailbox(capacity, overflow, (oldest) => {
      this.#events.emit({ type: 'overflow', where: name, policy: overflow })
      oldest.reject(
        new MailboxFull(`The mailbox of "${name}" was full and this was its oldest message. Send more slowly.`),
      )
    })
  }

  get mailbox(): MailboxCounts & { readonly length: number } {
    return { ...this.#mailbox.counts, length: this.#mailbox.length }
  }

  /** Restarts so far. */
  get restarts(): number {
    return this.#supervision.restarts
  }

  /** Whether its restarts are used up. */
  get givenUp(): boolean {
    return this.#supervision.givenUp
  }

  /** Starts it now, and not with its first message. Started already, or stopped, is fine. */
  start(): void {
    if (this.#behaviour === undefined && !this.#busy && this.#stopped === undefined) this.#begin()
  }

  tell(message: M): Promise<void> {
    return this.#post({ message, resolve: ignore, reject: ignore, over: false })
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

  /** Fails with an error from outside: what it owns is broken, or a child was given up. While it restarts, or stops, it is ignored. */
  crash(error: unknown): void {
    if (this.#behaviour !== undefined) this.#fail(error)
    else if (this.#busy && !this.#pausing) this.#doomed ??= { error }
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
    this.#supervision.close()
    if (this.#busy) {
      const rest = new Promise<void>((resolve) => {
        this.#onRest = resolve
      })
      if (!(await within(rest, ms, this.#clock))) {
        this.#inHand?.reject(
          new ActorStopped(`"${this.name}" was stopped, and ${ms} ms were not enough to finish this message.`),
        )
      }
    }
    this.#closed = true
    const freed = this.#free(ms)
    if (freed) await within(freed, ms, this.#clock)
  }

  #post(envelope: Envelope<M, R>): Promise<void> {
    const refusal = this.#stopped ?? this.#resting
    if (refusal) return Promise.reject(refusal)
    const into = this.#mailbox.push(envelope)
    if (into === false) {
      this.#events.emit({ type: 'overflow', where: this.name, policy: 'reject' })
      return Promise.reject(
        new MailboxFull(
          `The mailbox of "${this.name}" is full (${this.#mailbox.capacity}). Send later, or more slowly.`,
        ),
      )
    }
    if (!this.#busy) this.#work()
    if (into === true) return entered
    this.#events.emit({ type: 'overflow', where: this.name, policy: 'block' })
    return into.then(() => {
      const refusal = this.#stopped ?? this.#resting
      if (refusal) throw refusal
    })
  }

  /** Handles what waits, until there is nothing or something takes its time. */
  #work(): void {
    while (!this.#busy && this.#mailbox.length > 0) {
      if (this.#behaviour === undefined) this.#begin()
      else {
        const next = this.#mailbox.shift()
        if (next && !next.over) this.#handle(this.#behaviour, next)
      }
    }
  }

  #handle(behaviour: Behaviour<M, R>, envelope: Envelope<M, R>): void {
    this.#busy = true
    this.#inHand = envelope
    let reply: R | Promise<R> | Later<R>
    try {
      reply = behaviour.receive(envelope.message)
    } catch (error) {
      if (this.#inHand === envelope) this.#fail(error)
      return
    }
    if (!isThenable(reply)) {
      this.#answer(envelope, reply)
      if (this.#inHand === envelope) this.#handled()
      return
    }
    reply.then(
      (value) => {
        envelope.resolve(value)
        // It may have crashed meanwhile, from outside.
        if (this.#inHand === envelope) this.#rest()
      },
      (error) => {
        envelope.reject(error)
        if (this.#inHand === envelope) this.#fail(error)
      },
    )
  }

  #answer(envelope: Envelope<M, R>, reply: R | Later<R>): void {
    if (!(reply instanceof Later)) return envelope.resolve(reply)
    this.#open.add(envelope)
    const end = () => this.#open.delete(envelope)
    reply.answer.then(envelope.resolve, envelope.reject).finally(end)
  }

  #handled(): void {
    this.#busy = false
    this.#inHand = undefined
    this.#onRest()
  }

  #rest(): void {
    this.#handled()
    this.#work()
  }

  #begin(): void {
    this.#busy = true
    let started: Behaviour<M, R> | Promise<Behaviour<M, R>>
    try {
      started = this.#start()
    } catch (error) {
      return this.#fail(error)
    }
    if (!isThenable(started)) return this.#begun(started)
    started.then(
      (behaviour) => this.#begun(behaviour),
      (error) => this.#fail(error),
    )
  }

  #begun(behaviour: Behaviour<M, R>): void {
    this.#behaviour = behaviour
    this.#supervision.started()
    const doomed = this.#doomed
    this.#doomed = undefined
    if (doomed) return this.#fail(doomed.error)
    this.#rest()
    // Nobody waits for it any longer, so nobody else will free it.
    if (this.#closed) void this.#free(freeWithin)
  }

  /** It crashed, or did not start: frees what is left, and starts it again after a pause, or gives it up. */
  #fail(error: unknown): void {
    this.#busy = true
    this.#doomed = undefined
    const envelope = this.#inHand
    this.#inHand = undefined
    envelope?.reject(error)
    const stopped = this.#stopped !== undefined
    const again = stopped ? Promise.resolve(false) : this.#supervision.failed()
    const final = this.#supervision.givenUp
    if (!stopped) this.#tell(() => this.#options.onCrash?.(error, final))
    const freed = this.#free(freeWithin)
    this.#pausing = true
    void Promise.all([again, freed && within(freed, freeWithin, this.#clock)]).then(([granted]) => {
      this.#pausing = false
      if (!granted || this.#stopped) return this.#rest()
      this.#resting = undefined
      this.#events.emit({ type: 'restarted', actor: this.name, restarts: this.restarts, error })
      this.#begin()
    })
    if (final && !stopped) this.#escalate(error)
  }

  #escalate(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const stopped = new ActorStopped(
      `"${this.name}" crashed more often than its restart budget allows; the last time: ${reason}`,
      {
        cause: error,
      },
    )
    if (this.#options.rest) {
      this.#resting = stopped
      this.#turnAway(stopped)
    } else this.#refuse(stopped)
    this.#events.emit({ type: 'escalated', actor: this.name, error })
    const { escalate } = this.#options
    if (escalate === undefined) return
    if ('restart' in escalate) return this.#tell(() => escalate.restart.crash(error))
    escalate.stop.stop().catch((thrown) => this.#fault(thrown))
  }

  #refuse(reason: ActorStopped): void {
    this.#stopped ??= reason
    this.#turnAway(this.#stopped)
  }

  #turnAway(reason: ActorStopped): void {
    for (const envelope of this.#mailbox.clear()) envelope.reject(reason)
    for (const envelope of this.#open) envelope.reject(reason)
  }

  /** @returns undefined when there is nothing to wait for */
  #free(ms: number): Promise<void> | undefined {
    const behaviour = this.#behaviour
    this.#behaviour = undefined
    try {
      const freed = behaviour?.stop?.(ms)
      return freed ? freed.catch((error) => this.#fault(error)) : undefined
    } catch (error) {
      this.#fault(error)
      return undefined
    }
  }

  /** Calls what is not the actor's own: what it throws is told, and no more. */
  #tell(listener: () => void): void {
    try {
      listener()
    } catch (thrown) {
      this.#fault(thrown)
    }
  }

  #fault(error: unknown): void {
    this.#events.emit({ type: 'fault', where: this.name, error })
  }
}

/** An actor; its behaviour is made when the first message comes, or at `start()`. */
export function actor<M, R = void>(
  name: string,
  start: () => Behaviour<M, R> | Promise<Behaviour<M, R>>,
  options?: ActorOptions,
): Actor<M, R> {
  return new Actor(name, start, options)
}
