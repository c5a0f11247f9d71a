import { Observable, type OperatorFunction, Subject, Subscription } from 'rxjs'
import { type StageContext, standaloneContext } from './context.ts'
import { asQuintetError, BadConfiguration } from './errors.ts'
import { assertItem, dropped, type Item, type Message, type Side } from './message.ts'
import { readOptions } from './options.ts'
import type { Payload } from './payload.ts'
import { Runner } from './runner.ts'
import { warnOfFault } from './settlement.ts'
import { type Call, type StageFunction, type StageOptions, stageOptions } from './work.ts'

/** A stage that runs: its operator, and the end of what it owns. */
export interface OpenStage {
  readonly operator: OperatorFunction<Item, Item>
  /** Frees what the stage owns, once nothing flows through it any more. Idempotent. */
  close(): Promise<void>
}

/** What a pipeline needs to know of a stage. */
export interface StageDefinition {
  readonly name: string
  /** A boundary: what stands below it may run elsewhere. The wire has none of its name; a hop does. */
  readonly boundary?: { readonly kind: 'wire' } | { readonly kind: 'hop'; readonly hop: string }
  /** What it can do for a message, so that plans can count on it. */
  readonly ability?: 'prepare' | 'execute'
  open(context: StageContext): OpenStage | Promise<OpenStage>
}

/** An RxJS operator over items that also knows how to run inside a pipeline. */
export type Stage<I extends Item = Item, O extends Item = Item> = OperatorFunction<I, O> & {
  readonly definition: StageDefinition
}

/** Gives a definition its standalone operator: opened when subscribed, closed when all has flowed through. */
export function asStage<T>(definition: StageDefinition): T {
  const operator: OperatorFunction<Item, Item> = (source) =>
    new Observable((subscriber) => {
      const teardown = new Subscription()
      const run = (open: OpenStage, input: Observable<Item>) => {
        // What flows is ended first: nothing may use what is closed then.
        teardown.add(input.pipe(open.operator).subscribe(subscriber))
        teardown.add(() => {
          open.close().catch((error) => warnOfFault(asQuintetError(error, definition.name)))
        })
      }
      const opened = definition.open(standaloneContext())
      if (!(opened instanceof Promise)) run(opened, source)
      else {
        const inlet = new Subject<Item>()
        let early: ((to: Subject<Item>) => void)[] | undefined = []
        const enter = (act: (to: Subject<Item>) => void) => (early ? void early.push(act) : act(inlet))
        teardown.add(
          source.subscribe({
            next: (item) => enter((to) => to.next(item)),
            error: (error) => enter((to) => to.error(error)),
            complete: () => enter((to) => to.complete()),
          }),
        )
        opened.then(
          (open) => {
            run(open, inlet)
            // What comes while these are handed on is put behind them.
            for (const act of early ?? []) act(inlet)
            early = undefined
          },
          (error) => subscriber.error(error),
        )
      }
      return teardown
    })
  return Object.assign(operator, { definition }) as T
}

/**
 * Makes a stage of a function over messages. Failures and drops pass it by untouched; what the function throws becomes
 * a `Failure` of that message alone; its time is measured and booked.
 */
export function stage<I extends Payload = Payload, O extends Payload = I, S extends Side = Side>(
  name: string,
  work: StageFunction<I, O, S>,
  options: StageOptions = {},
): Stage<Item<I, S>, Item<O, S>> {
  return asStage(workStage(name, () => ({ work: work as unknown as StageFunction<Payload, Payload, Side> }), options))
}

/** A stage whose function needs something of its own, made when it opens and freed when it closes. */
export function workStage(
  name: string,
  open: (context: StageContext) => OpenWork | Promise<OpenWork>,
  options: StageOptions = {},
): StageDefinition {
  readOptions(stageOptions, options, `stage "${name}"`)
  return {
    name,
    ...(options.ability ? { ability: options.ability } : {}),
    open(context) {
      const opened = open(context)
      return opened instanceof Promise
        ? opened.then((work) => openStage(name, work, options, context))
        : openStage(name, opened, options, context)
    },
  }
}

function openStage(name: string, { work, close }: OpenWork, options: StageOptions, context: StageContext): OpenStage {
  const { concurrency = 1 } = options
  const atOnce = typeof concurrency === 'function' ? concurrency(context) : concurrency
  if (!(atOnce >= 1)) {
    throw new BadConfiguration(`Stage "${name}" cannot work on ${atOnce} messages at once. Allow 1 or more.`)
  }
  let closed: Promise<void> | undefined
  return {
    operator: (source) =>
      new Observable((subscriber) => {
        const runner = new Runner(name, work, options, context, atOnce, subscriber)
        const subscription = source.subscribe({
          next: (item) => {
            try {
              runner.next(assertItem(item))
            } catch (error) {
              // What it belonged to is not known; it ends when its budget does.
              context.events.emit({ type: 'fault', where: name, error })
            }
          },
          error: (error) => subscriber.error(error),
          complete: () => runner.complete(),
        })
        return () => {
          subscription.unsubscribe()
          runner.stop()
        }
      }),
    close() {
      closed ??= close?.() ?? Promise.resolve()
      return closed
    },
  }
}

export interface OpenWork {
  readonly work: StageFunction<Payload, Payload, Side>
  readonly close?: () => Promise<void>
}

/** A stage after which a message has the form and the side it had before: it fits anywhere. */
export interface Unchanging {
  <P extends Payload, S extends Side>(source: Observable<Item<P, S>>): Observable<Item<P, S>>
  readonly definition: StageDefinition
}

/** Changes what it likes of a message but its payload's form and its side: the plan, the payload's contents. */
export function amend(
  name: string,
  work: (message: Message, call: Call) => Item | Promise<Item>,
  options: StageOptions = {},
): Unchanging {
  return asStage(workStage(name, () => ({ work }), options))
}

/** Keeps the messages a predicate accepts; the others are dropped, and counted as `filtered`. */
export function filter(accepts: (message: Message) => boolean): Unchanging {
  return amend('filter', (message) => (accepts(message) ? message : dropped(message, 'filtered')))
}
