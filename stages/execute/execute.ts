import type { Observable } from 'rxjs'
import { z } from 'zod'
import {
  type Activation,
  asStage,
  BadConfiguration,
  evolve,
  type ImagePayload,
  type Item,
  lastAnswer,
  layerOf,
  type Message,
  made,
  type Payload,
  type PixelsPayload,
  type Ready,
  type Result,
  rank,
  readOptions,
  refined,
  type Side,
  type StageContext,
  type StageDefinition,
  spent,
  workStage,
} from '../../pipeline/index.ts'
import { chosen, type Models, modelsOf } from '../manage/index.ts'
import { encodeActivations } from './activations.ts'
import type { AliasOptions } from './cache/index.ts'
import { classify } from './classify.ts'
import { ClusterNode, type ClusterOptions, clusterOptions, clusterSettings } from './cluster/index.ts'
import type { ExecutorPool } from './contract.ts'
import { Expansion } from './expansion.ts'
import { type ExecuteStatistics, Halves } from './halves.ts'
import { LazyPool, type LazyPoolOptions, lazyPoolSettings } from './lazy-pool.ts'
import type { ModelSplit, ModelSplitter } from './ports.ts'
import type { PoolReport } from './report.ts'
import { Splits } from './splits.ts'

/** On the device, what the plan leaves for the cloud passes by, or goes on from behind a layer; below the wire only results are left. */
export type ExecutedPayload<P extends Payload, S extends Side> = S extends 'device' ? P | Activation | Result : Result

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
  /**
   * The executors and the memory of each half of this stage that runs in this process now. Cheap enough to be asked every
   * second; `options.events` tells of what happens between.
   */
  statistics(): readonly ExecuteStatistics[]
  /**
   * Moves a name to another version in each half that runs in this process, and fails no message: the new version is
   * loaded beside the old one, then the name moves for all that comes from then on, then what was begun ends, and
   * the old version goes. Answers say which version made them. Messages split behind a layer stay with their version.
   *
   * @param name the model's id, as plans and deciders name it
   * @param to the id of the model that answers from then on; it takes the same input
   * @returns resolves when nothing answers with the old version any more
   * @throws BadConfiguration no `memory`, or unlike inputs · UnknownModel · LeaseRefused · ModelLoadFailed (the name
   *   has not moved) · DeadlineExceeded it has not moved, or what was begun did not end in time
   */
  rollOut(name: string, to: string, options?: Pick<AliasOptions, 'within'>): Promise<void>
}

export interface ExecuteOptions extends LazyPoolOptions {
  /** What cuts models; without, plans that split one fail. */
  readonly splitter?: ModelSplitter
  /** Default: the pipeline's. */
  readonly models?: Models
  /**
   * Whether the cloud nodes of the pipeline share execution: a message is run where its model is loaded, by whichever
   * node it reached. Default: each runs what it is sent.
   */
  readonly cluster?: boolean | ClusterOptions
}

const settings = z.strictObject({
  ...lazyPoolSettings.shape,
  splitter: made<ModelSplitter>('what cuts models, such as modelSplitter()').optional(),
  models: made<Models>('models, as catalogue(folder) makes them').optional(),
  cluster: z.boolean().or(clusterOptions).optional(),
} satisfies Record<keyof ExecuteOptions, z.ZodType>)

/**
 * Runs the model that the plan names (where nobody has decided: the first of those left) and answers. On the device
 * only messages whose plan says so: whole for `answered`, the head for `after:LAYER`, whose activations then cross the
 * wire; below the wire all that come, the tail where they come from behind a layer. Executors run off the thread that moves messages; in the
 * cloud they start with the half, on the device when they are first needed.
 */
export function execute(options: ExecuteOptions): Execute {
  readOptions(settings, options, 'execute()')
  const sharing = options.cluster ? clusterSettings(options.cluster) : undefined
  const halves = new Halves()
  const definition = workStage(
    'execute',
    async (context) => {
      const models = modelsOf(options.models, context.models, 'execute')
      const cluster =
        sharing && context.side === 'cloud' && context.outward
          ? new ClusterNode({
              settings: sharing,
              context,
              outward: context.outward,
              models,
              limited: options.memory !== undefined,
              pinned: options.pin ?? [],
            })
          : undefined
      const pool = new LazyPool(options, models, context, cluster)
      const splits = options.splitter && new Splits(options.splitter)
      const expansion = new Expansion()
      // A cloud half is there to run models: its executors start with it.
      if (context.side === 'cloud') pool.get()
      await pool.warm()
      const leave = halves.add(pool)
      const close = async () => {
        leave()
        await cluster?.close()
        await Promise.all([pool.close(), splits?.close()])
      }
      if (cluster) {
        const own = pool.get()
        // Which version a name means is the cluster's to say, not one node's cache's.
        const nameless = { cache: undefined, run: own.run.bind(own) }
        try {
          await cluster.open({
            pool: own,
            run: (message) => run(message, context, models, nameless, splits, expansion, cluster),
          })
        } catch (error) {
          await close()
          throw error
        }
      }
      return {
        work: (message) => {
          if (!isForHere(message, context)) return message
          if (message.plan.model === lastAnswer) return repeated(message, context)
          if (cluster) return cluster.run(message)
          return run(message, context, models, pool.get(), splits, expansion)
        },
        close,
      }
    },
    // The pool bounds what runs and what waits; the stage only keeps the order.
    { concurrency: Number.POSITIVE_INFINITY, step: 'execute', ability: 'execute' },
  )
  return Object.assign(asStage<Execute>(definition), {
    statistics: () => halves.statistics(),
    rollOut: (name: string, to: string, options?: Pick<AliasOptions, 'within'>) => halves.rollOut(name, to, options),
  })
}

function isForHere(message: Message, { side, route }: StageContext): boolean {
  if (message.payload.form === 'result') return false
  if (side === 'cloud') return true
  const cut = message.plan.cut ?? (route.wire ? message.payload.at : 'answered')
  return rank(cut) > rank('prepared')
}

/** The last answer of the same source, given again. */
function repeated(message: Message, { attempts }: StageContext): Message {
  const last = attempts?.last(message.source)
  if (last) return evolve<Payload, Side, Result>(message, { payload: last.payload })
  throw new BadConfiguration(
    'There is no last answer of this source to give again. Plan it where the menu has its age.',
  )
}

async function run(
  message: Message,
  { side, clock, platform }: StageContext,
  models: Models,
  pool: Pick<ExecutorPool, 'run' | 'cache'>,
  splits: Splits | undefined,
  expansion: Expansion,
  cluster?: ClusterNode,
): Promise<Message> {
  const { payload, plan } = message
  if (payload.form !== 'tensors') {
    throw new BadConfiguration('execute() got a picture, not a tensor. Put preprocess() before it.')
  }
  const model = chosen(message, models)
  const options = { cancellation: message.cancellation, expires: message.expires }
  const booked = ({ queueMs, loadMs }: PoolReport) => spent(spent(message.timings, 'queue', queueMs), 'load', loadMs)

  const headUpTo = side === 'device' ? plan.cut && layerOf(plan.cut) : undefined
  if (headUpTo !== undefined) {
    const { head, crossing } = await splitOf(model, headUpTo, models, splits)
    const report = await pool.run(head, payload.tensors, { ...options, outputs: crossing })
    const ran = clock.now()
    const activation = await encodeActivations(headUpTo, report.outputs, plan.encoding, platform)
    return evolve<Payload, Side, Activation>(message, {
      payload: activation,
      plan: { ...plan, model },
      timings: spent(booked(report), 'head', report.runMs + clock.now() - ran),
    })
  }
  const tailFrom = layerOf(payload.at)
  const answered = (by: string, report: PoolReport) =>
    evolve<Payload, Side, Result>(message, {
      payload: classify(models.entry(by), report.outputs),
      plan: refined(plan, { model: by }),
      timings: booked(report),
    })
  const whole = models.entry(model)
  if (tailFrom !== undefined) {
    const { tail } = await splitOf(model, tailFrom, models, splits)
    cluster?.know(tail, model, tailFrom)
    const most = whole.cuts?.find(({ layer }) => layer === tailFrom)?.bytes
    return expansion.of(payload, most, platform, async (inputs) =>
      answered(model, await pool.run(tail, inputs, options)),
    )
  }
  const { width, height } = whole.input
  return expansion.of(payload, width * height * 3 * 4, platform, async (inputs) => {
    const version = pool.cache?.use(model, models.source(model))
    try {
      const source = version?.model ?? models.source(model)
      cluster?.know(source, model, undefined)
      return answered(source.name, await pool.run(source, inputs, options))
    } finally {
      version?.end()
    }
  })
}

function splitOf(model: string, layer: string, models: Models, splits: Splits | undefined): Promise<ModelSplit> {
  if (splits) return splits.of(models.source(model), layer)
  throw new BadConfiguration(
    `The plan splits "${model}", and execute() has nothing to cut models with. Give it a splitter.`,
  )
}
