import { filter as keep, map, type Observable } from 'rxjs'
import { sleep } from '../clock.ts'
import { dropped, type Item, type Message, type Side } from '../message.ts'
import type { Payload, Result, ResultPayload } from '../payload.ts'
import { amend, asStage, type StageDefinition, type Unchanging, workStage } from '../stage.ts'
import type { StageOptions } from '../work.ts'
import { resultPayload } from './messages.ts'

/**
 * A stage that does nothing.
 *
 *     frames$.pipe(passThrough())
 */
export function passThrough(name = 'pass', options?: StageOptions): Unchanging {
  return amend(name, (message) => message, options)
}

/**
 * A stage that takes its time, on the clock of the pipeline it runs in, and heeds the abort signal.
 *
 *     delaying(40)                                        // one after the other
 *     delaying(({ seq }) => 10 * seq, { concurrency: 8 })
 */
export function delaying(ms: number | ((message: Message) => number), options?: StageOptions): Unchanging {
  return amend(
    'delaying',
    async (message, { context, signal }) => {
      await sleep(context.clock, typeof ms === 'number' ? ms : ms(message), signal)
      return message
    },
    options,
  )
}

/**
 * A stage that throws for every `every`-th message, by its number in its source: 0, every, 2 · every, …
 *
 *     failing(3)                                          // 0, 3, 6, … fail
 *     failing(1, () => new Refused('busy'), { retry: { times: 2 } })
 */
export function failing(
  every: number,
  error: (message: Message) => unknown = ({ id }) => new Error(`"${id}" fails on purpose`),
  options?: StageOptions,
): Unchanging {
  return amend(
    'failing',
    (message) => {
      if (message.seq % every === 0) throw error(message)
      return message
    },
    options,
  )
}

/**
 * A stage that lets every `every`-th message of a source go, counted as `filtered`.
 *
 *     dropping(2)                                         // 0, 2, 4, … are dropped
 */
export function dropping(every: number): Unchanging {
  return amend('dropping', (message) => (message.seq % every === 0 ? dropped(message, 'filtered') : message))
}

/** An operator of nobody's making: it goes anywhere, and leaves types alone. */
export type Plain = <I extends Item>(source: Observable<I>) => Observable<I>

/**
 * A broken operator: every `every`-th message of a source disappears in it without a trace.
 *
 *     pipeline('a', { late: 'fail', deadline: 100 }, source, losing(5), answering())
 */
export function losing(every: number): Plain {
  return keep((item: Item) => item.seq % every !== 0) as Plain
}

/**
 * A broken operator: it errors at every `every`-th message of a source, which ends its stream as RxJS has it.
 *
 *     pipeline('a', {}, source, erroring(5), answering())
 */
export function erroring(every: number): Plain {
  return map((item: Item) => {
    if (item.seq % every === 0) throw new Error(`an operator broke at "${item.id}", on purpose`)
    return item
  }) as Plain
}

/** A stage that answers whatever reaches it, on whichever side. */
export interface Answering {
  <S extends Side>(source: Observable<Item<Payload, S>>): Observable<Item<Result, S>>
  readonly definition: StageDefinition
}

/**
 * A stage that answers, in place of `preprocess()` and `execute()`; what is answered passes by.
 *
 *     answering()                                         // everything is a mug
 *     answering(({ payload }) => ({ label: payload.form }))
 */
export function answering(
  answer: (message: Message) => Partial<ResultPayload> | Promise<Partial<ResultPayload>> = () => ({}),
  options: StageOptions = {},
): Answering {
  return asStage<Answering>(
    workStage(
      'answering',
      () => ({
        work(message) {
          if (message.payload.form === 'result') return message
          const said = answer(message)
          return said instanceof Promise ? said.then(resultPayload) : resultPayload(said)
        },
      }),
      { ability: 'execute', step: 'execute', ...options },
    ),
  )
}
