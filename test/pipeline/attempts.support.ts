import type { Observable } from 'rxjs'
import { memoryTransport } from '../../adapters/memory/index.ts'
import {
  amend,
  type Decider,
  decide,
  type Item,
  lastAnswer,
  type Message,
  type Payload,
  type PipelineOptions,
  pipeline,
  type Result,
  type Side,
  type Source,
  type StageDefinition,
  sleep,
  type Unchanging,
  workStage,
} from '../../pipeline/index.ts'
import { asStage } from '../../pipeline/stage.ts'
import { type FakeClock, type Fault, fakeClock, faulty, resultPayload } from '../../pipeline/testing/index.ts'
import { transfer } from '../../stages/index.ts'

/** What running a model takes, ms, and how sure it is; or the error it ends with. */
export interface Behaviour {
  readonly ms?: number
  readonly score?: number
  readonly error?: Error
}

/** What ran where, and what runs now. */
export interface Log {
  /** `SIDE MODEL ID`, in the order of their starts. */
  readonly runs: string[]
  /** Runs under way on each side. */
  readonly under: Record<Side, number>
  /** Runs that were cancelled before they were over. */
  cancelled: number
}

export interface Running {
  <P extends Payload, S extends Side>(source: Observable<Item<P, S>>): Observable<Item<P | Result, S>>
  readonly definition: StageDefinition
}
export interface Ending {
  <P extends Payload, S extends Side>(source: Observable<Item<P, S>>): Observable<Item<Result, S>>
  readonly definition: StageDefinition
}

export const preparing = (): Unchanging => amend('preparing', (message) => message, { ability: 'prepare' })

/** Runs models as execute() does, in name alone: on the device what is planned there, below the wire all that comes. */
export function running<S extends Running | Ending = Running>(
  behave: (message: Message, side: Side) => Behaviour,
  log: Log,
): S {
  return asStage(
    workStage(
      'running',
      (context) => ({
        async work(message) {
          const { payload, plan, source } = message
          if (payload.form === 'result' || (context.side === 'device' && plan.cut !== 'answered')) return message
          const model = plan.model ?? 'open'
          if (model === lastAnswer) {
            const last = context.attempts?.last(source)
            if (!last) throw new Error('nothing to give again')
            return last.payload
          }
          const { ms = 0, score = 0.9, error } = behave(message, context.side)
          log.runs.push(`${context.side} ${model} ${message.seq}`)
          log.under[context.side]++
          try {
            if (ms > 0) await sleep(context.clock, ms, message.cancellation?.signal)
          } catch (thrown) {
            log.cancelled++
            throw thrown
          } finally {
            log.under[context.side]--
          }
          if (error) throw error
          const said = resultPayload({ model, score, label: `${context.side} ${model}` })
          return { ...message, payload: said, plan: { ...plan, model } } as Message
        },
      }),
      { ability: 'execute', step: 'execute', concurrency: Number.POSITIVE_INFINITY },
    ),
  ) as unknown as S
}

export const newLog = (): Log => ({ runs: [], under: { device: 0, cloud: 0 }, cancelled: 0 })

export interface Scene {
  readonly clock: FakeClock
  readonly log: Log
  /** Faults of the wire, from now on. */
  use(faults: readonly Fault[]): void
  readonly pipe: ReturnType<typeof pipeline>
}

/** A whole pipeline on a clock that stands still: decide, prepare, run, wire, prepare, run. */
export function scene(
  source: Source,
  deciders: readonly Decider[],
  behave: (message: Message, side: Side) => Behaviour,
  options: PipelineOptions = {},
  clock = fakeClock(),
): Scene {
  const log = newLog()
  let faults: readonly Fault[] = []
  const open: ReturnType<typeof faulty>[] = []
  const embedded = () => {
    const transport = faulty(memoryTransport({ clock }), faults, { clock })
    open.push(transport)
    return transport
  }
  const pipe = pipeline(
    'flow',
    { clock, embedded, models: { ids: ['small', 'middle', 'large'] }, deadline: 200, ...options },
    source,
    decide(...deciders),
    preparing(),
    running<Running>(behave, log),
    transfer(),
    preparing(),
    running<Ending>(behave, log),
  )
  return {
    clock,
    log,
    pipe,
    use(next) {
      faults = next
      for (const transport of open) transport.use(next)
    },
  }
}
