import type { Observable } from 'rxjs'
import {
  asStage,
  BadConfiguration,
  type Captured,
  evolve,
  type ImagePayload,
  type Item,
  type Message,
  type Payload,
  type PixelsPayload,
  type Prepared,
  type Ready,
  type Result,
  type Side,
  type StageContext,
  type StageDefinition,
  spent,
  workStage,
} from '../../pipeline/index.ts'
import { chosen, type Models, modelsOf } from '../manage/index.ts'
import { classify } from './classify.ts'
import type { ExecutorPool } from './contract.ts'
import { executorPool } from './pool.ts'
import type { ExecutorFactory } from './ports.ts'

/** On the device, what the plan leaves for the cloud passes by; below the wire only results are left. */
export type ExecutedPayload<P extends Payload, S extends Side> = S extends 'device' ? P | Result : Result

/**
 * What `execute()` asks of the stage before it: on the device, that something there prepares; below the wire, that
 * nothing arrives unprepared.
 */
export type Executable<P extends Payload, S extends Side> = S extends 'device'
  ? Ready extends P
    ? unknown
    : { readonly 'nothing prepares for execute(): put preprocess() before it': never }
  : [Extract<P, ImagePayload | PixelsPayload>] extends [never]
    ? unknown
    : { readonly 'pictures reach execute() below the wire: put preprocess() before it': never }

/** A stage that runs models, on either side of the wire. */
export interface Execute {
  <P extends Payload, S extends Side>(
    source: Observable<Item<P, S>> & Executable<P, S>,
  ): Observable<Item<ExecutedPayload<P, S>, S>>
  readonly definition: StageDefinition
}

export interface ExecuteOptions {
  /** What runs models on the device and in the cloud. */
  readonly executors: Readonly<Record<Side, ExecutorFactory>>
  /** Default: the pipeline's. */
  readonly models?: Models
  /** How many executors, where the half does not say: default 1 on the device, 2 in the cloud. */
  readonly size?: number
  /** Intra-op threads of each. Default 1. */
  readonly threads?: number
  /** Ids of models loaded before the first message, or `all`. Default: loaded when first needed. */
  readonly warm?: readonly string[] | 'all'
}

/**
 * Runs the model that the plan names (where nobody has decided: the first of those left) and answers. On the device
 * only messages whose plan says so; below the wire all that come. Executors run off the thread that moves messages; in the
 * cloud they start with the half, on the device when they are first needed.
 */
export function execute(options: ExecuteOptions): Execute {
  const definition = workStage(
    'execute',
    async (context) => {
      const models = modelsOf(options.models, context.models, 'execute')
      const pool = new LazyPool(options, context)
      // A cloud half is there to run models: its executors start with it.
      if (context.side === 'cloud') pool.get()
      const warm = options.warm === 'all' ? models.ids : (options.warm ?? [])
      if (warm.length > 0) {
        await pool
          .get()
          .warm(warm.map((id) => models.source(id)))
          .catch(async (error) => {
            await pool.close()
            throw error
          })
      }
      return {
        work: (message) => (isForHere(message, context) ? run(message, models, pool.get()) : message),
        close: () => pool.close(),
      }
    },
    // The pool bounds what runs and what waits; the stage only keeps the order.
    { concurrency: Number.POSITIVE_INFINITY, step: 'execute', ability: 'execute' },
  )
  return asStage<Execute>(definition)
}

function isForHere(message: Message, { side, route }: StageContext): boolean {
  if (message.payload.form === 'result') return false
  if (side === 'cloud') return true
  const cut = message.plan.cut ?? (route.wire ? message.payload.at : 'answered')
  return cut === 'answered'
}

async function run(message: Message, models: Models, pool: ExecutorPool): Promise<Message> {
  const { payload } = message
  if (payload.form !== 'tensors') {
    throw new BadConfiguration('execute() got a picture, not a tensor. Put preprocess() before it.')
  }
  const model = chosen(message, models)
  const report = await pool.run(models.source(model), payload.tensors, {
    signal: message.cancellation?.signal,
    expires: message.expires,
  })
  const timings = spent(spent(message.timings, 'queue', report.queueMs), 'load', report.loadMs)
  return evolve<Captured | Prepared | Payload, Side, Result>(message, {
    payload: classify(models.entry(model), report.outputs),
    plan: { ...message.plan, model },
    timings,
  })
}

/** Starts its executors when they are first needed: a device that answers nothing itself holds none. */
class LazyPool {
  readonly #options: ExecuteOptions
  readonly #context: StageContext
  #pool: ExecutorPool | undefined

  constructor(options: ExecuteOptions, context: StageContext) {
    this.#options = options
    this.#context = context
  }

  get(): ExecutorPool {
    const { side, clock, events, executors } = this.#context
    this.#pool ??= executorPool({
      factory: this.#options.executors[side],
      size: executors ?? this.#options.size ?? (side === 'device' ? 1 : 2),
      threads: this.#options.threads ?? 1,
      clock,
      events: (event) => {
        if (event.type === 'executor-lost') events.emit({ type: 'fault', where: 'executor', error: event.error })
      },
    })
    return this.#pool
  }

  async close(): Promise<void> {
    await this.#pool?.drain()
  }
}
