import { z } from 'zod'
import { BadConfiguration, made, type Side, type StageContext } from '../../pipeline/index.ts'
import { assertAlike, type Models } from '../manage/index.ts'
import {
  type AliasOptions,
  type CacheEvent,
  type CacheHost,
  cachePrice,
  type EvictionPolicy,
  type ModelCacheOptions,
  modelCache,
} from './cache/index.ts'
import type { ExecutorPool, PoolEvent } from './contract.ts'
import type { ExecuteEvent, ExecuteStatistics, Half } from './halves.ts'
import { type BatchOptions, batchOptions } from './options.ts'
import { executorPool } from './pool.ts'
import type { ExecutorFactory } from './ports.ts'

/** What `execute()` makes its pool of. */
export interface LazyPoolOptions {
  /** What runs models on the device and in the cloud. */
  readonly executors: Readonly<Record<Side, ExecutorFactory>>
  /** How many executors, where the half does not say: default 1 on the device, in the cloud 2, or 1 where there is one core. */
  readonly size?: number
  /** Intra-op threads of each, at most: all together never exceed the cores. Default 1. */
  readonly threads?: number
  /** Ids of models loaded before the first message, or `all`. Default: loaded when first needed. */
  readonly warm?: readonly string[] | 'all'
  /** Bytes that loaded models may use, on all executors together. Default: what was loaded stays loaded. */
  readonly memory?: number
  /** Which models go first when `memory` is full. Default `hitDensity()`. */
  readonly policy?: EvictionPolicy
  /** What memory and loading cost, for the cache's `costPer1000`. */
  readonly price?: ModelCacheOptions['price']
  /** Ids of models that are loaded before the first message and never go. */
  readonly pin?: readonly string[]
  /** Runs several messages as one where that pays. Default: each by itself. */
  readonly batch?: Partial<BatchOptions>
  /** Runs of one model that may wait; more are refused. Default 256. */
  readonly queue?: number
  /** Told of what happens in the pool and the cache of each half. It must not throw. */
  readonly events?: (event: ExecuteEvent) => void
}

const count = z.number().int().min(1)
const ids = z.array(z.string())

/** Strict, for whoever takes these options. */
export const lazyPoolSettings = z.strictObject({
  executors: z.strictObject({
    device: made<ExecutorFactory>('what starts executors, such as threadExecutors()'),
    cloud: made<ExecutorFactory>('what starts executors, such as processExecutors()'),
  }),
  size: count.optional(),
  threads: count.optional(),
  warm: ids.or(z.literal('all')).optional(),
  memory: z.number().positive().optional(),
  policy: made<EvictionPolicy>('a policy, such as lru()').optional(),
  price: cachePrice.optional(),
  pin: ids.optional(),
  batch: batchOptions.optional(),
  queue: z.number().int().min(0).optional(),
  events: made<(event: ExecuteEvent) => void>('a function').optional(),
} satisfies Record<keyof LazyPoolOptions, z.ZodType>)

/** What follows the memory of a pool; then there is a cache, and without `memory` one that never lets go. */
export interface MemoryFollower {
  /** Stands between the cache and the executors. */
  readonly guard: (host: CacheHost) => CacheHost
  /** Executors, or what they hold, have changed. */
  look(): void
}

/**
 * Starts its executors when they are first needed: a device that answers nothing itself holds none. Keeps the world's
 * `resident` models up to date.
 */
export class LazyPool implements Half {
  readonly #options: LazyPoolOptions
  readonly #context: StageContext
  readonly #models: Models
  readonly #follower: MemoryFollower | undefined
  #pool: ExecutorPool | undefined

  /** @throws BadConfiguration a policy without a memory; a memory, threads or size that is none */
  constructor(options: LazyPoolOptions, models: Models, context: StageContext, follower?: MemoryFollower) {
    if (options.policy !== undefined && options.memory === undefined) {
      throw new BadConfiguration('execute() got a policy, but no memory to keep to. Say how many bytes models may use.')
    }
    // Here, and not when the first message comes: a wrong number is the author's, and no message's.
    const { memory, threads, size } = options
    if (memory !== undefined && !(memory > 0)) {
      throw new BadConfiguration(`execute() got memory: ${memory}. Give the bytes that loaded models may use, above 0.`)
    }
    for (const [name, value] of Object.entries({ threads, size })) {
      if (value === undefined || (Number.isInteger(value) && value >= 1)) continue
      throw new BadConfiguration(`execute() got ${name}: ${value}. Give a whole number, at least 1.`)
    }
    this.#options = options
    this.#models = models
    this.#context = context
    this.#follower = follower
  }

  get(): ExecutorPool {
    this.#pool ??= this.#make()
    return this.#pool
  }

  /** Loads what is to be there before the first message. On an error the executors are ended. */
  async warm(): Promise<void> {
    const { warm = [], pin = [] } = this.#options
    const ids = warm === 'all' ? this.#models.ids : warm
    if (ids.length + pin.length === 0) return
    try {
      const pool = this.get()
      const [pinned, warmed] = [pin, ids].map((names) => names.map((id) => this.#models.source(id)))
      if (pool.cache === undefined) await pool.warm([...(pinned ?? []), ...(warmed ?? [])])
      else {
        for (const model of pinned ?? []) await pool.cache.pin(model)
        await pool.warm(warmed ?? [])
      }
    } catch (error) {
      await this.close()
      throw error
    }
  }

  statistics(): ExecuteStatistics | undefined {
    const { node, side } = this.#context
    const pool = this.#pool
    return pool && { node, side, pool: pool.statistics(), cache: pool.cache?.statistics() }
  }

  async rollOut(name: string, to: string, options: AliasOptions = {}): Promise<void> {
    if (this.#follower) {
      throw new BadConfiguration('Nodes that share execution move a name together. Use rollOut() of the cluster.')
    }
    const [from, next] = [this.#models.source(name), this.#models.source(to)]
    assertAlike(this.#models, name, to)
    const { cache } = this.get()
    if (cache === undefined) {
      throw new BadConfiguration('A version is rolled out within a memory. Give execute() one: { memory: bytes }.')
    }
    await cache.alias(name, next, { from, ...options })
  }

  async close(): Promise<void> {
    await this.#pool?.drain()
  }

  #make(): ExecutorPool {
    const { side, clock, executors } = this.#context
    const { size, threads = 1, policy, batch, queue, price } = this.#options
    const follower = this.#follower
    const { memory = follower && Number.MAX_SAFE_INTEGER } = this.#options
    const factory = this.#options.executors[side]
    const pool = executorPool({
      factory,
      size: executors ?? size ?? (side === 'device' ? 1 : Math.min(2, factory.cores ?? 2)),
      threads,
      clock,
      events: (event) => this.#hear(event),
      ...(batch === undefined ? {} : { batch }),
      ...(queue === undefined ? {} : { queue }),
      ...(memory === undefined
        ? {}
        : {
            cache: (host) =>
              modelCache({
                host: follower?.guard(host) ?? host,
                clock,
                budget: memory,
                loadBytesPerFileByte: 1,
                ...(policy ? { policy } : {}),
                ...(price ? { price } : {}),
              }),
          }),
    })
    pool.cache?.watch((event) => {
      this.#tell(event)
      if (event.type === 'crashed') this.#failed('model cache', event.error, event.final)
    })
    return pool
  }

  #hear(event: PoolEvent): void {
    this.#tell(event)
    const { world, health } = this.#context
    if (event.type === 'executor-lost') this.#failed('executor', event.error, false)
    if (event.type === 'given-up') {
      this.#failed('executors', event.error, true)
      health.fails('executors', `The node runs nothing for now: its executors died too often. ${event.error.message}`)
    }
    if (event.type === 'executor-started') health.works('executors')
    this.#follower?.look()
    if (event.type === 'model-load-failed' || event.type === 'run-overdue' || event.type === 'given-up') return
    const models = this.#pool?.statistics().executors.flatMap((each) => each.models) ?? []
    world.set('resident', [...new Set(models)], 'execute')
  }

  /** @param final it is given up, and the half goes on without it until it has rested */
  #failed(actor: string, error: unknown, final: boolean): void {
    const { events } = this.#context
    events.emit(final ? { type: 'escalated', actor, error } : { type: 'fault', where: actor, error })
  }

  #tell(event: PoolEvent | CacheEvent): void {
    const { node, side, events } = this.#context
    try {
      this.#options.events?.({ ...event, node, side })
    } catch (error) {
      // A listener's trouble is not the pool's.
      events.emit({ type: 'fault', where: 'listener', error })
    }
  }
}
