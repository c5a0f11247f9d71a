import {
  type Clock,
  type Events,
  type Responder,
  type Subscription,
  TransportClosed,
  within,
} from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import type { CacheHost, ModelCache } from '../cache/index.ts'
import type { ModelKey } from './keys.ts'

/** How long a subscription may take to end before the memory is freed all the same, ms. */
const longestDrain = 5_000

export interface HoldingsOptions {
  readonly clock: Clock
  readonly events: Events
  /** What is held has changed. */
  readonly onChanged: () => void
}

interface Holding {
  readonly source: ModelSource
  readonly key: ModelKey
  /** The subscription, while there is one or one is under way. */
  joined: Promise<Subscription | undefined> | undefined
  /** The end of the last one, while it is under way. */
  leaving: Promise<void> | undefined
}

/**
 * Residency is subscription: this node is in the group of a model's subject from the moment its first copy is ready until
 * its last one is to go, and no memory is freed while a message may still come for it. So the transport routes to who
 * holds the model, and that nobody answers means that nobody does.
 */
export class Holdings {
  readonly #options: HoldingsOptions
  /** By the executors' keys. */
  readonly #known = new Map<string, Holding>()
  /** By the keys in subjects. */
  readonly #byKey = new Map<string, Holding>()
  #cache: ModelCache | undefined
  #responder: Responder | undefined
  #unwatch: (() => void) | undefined
  #closed = false

  constructor(options: HoldingsOptions) {
    this.#options = options
  }

  /** A host that frees no memory of a model before its subscription has ended. */
  guard(host: CacheHost): CacheHost {
    return {
      load: (executor, model) => host.load(executor, model),
      unload: async (executor, key) => {
        const holding = this.#known.get(key)
        if (holding !== undefined) {
          this.#settle(holding)
          await holding.leaving
        }
        await host.unload(executor, key)
      },
    }
  }

  /** Follows a cache from now on; resolves when what it holds can be reached. */
  async open(cache: ModelCache, responder: Responder): Promise<void> {
    this.#cache = cache
    this.#responder = responder
    this.#unwatch = cache.watch(({ type }) => {
      if (type === 'loaded' || type === 'evicted') this.look()
    })
    this.look()
    await Promise.all(Array.from(this.#known.values(), ({ joined }) => joined))
  }

  /** Which file a key stands for here. */
  know(source: ModelSource, key: ModelKey): void {
    if (this.#known.has(source.key)) return
    const holding = { source, key, joined: undefined, leaving: undefined }
    this.#known.set(source.key, holding)
    this.#byKey.set(key.key, holding)
  }

  /** Whether a message for the model can be run now without a load. */
  holds(key: string): boolean {
    const holding = this.#byKey.get(key)
    return holding !== undefined && this.#held(holding)
  }

  /** The key that others know a file by; undefined for one that was never run here. */
  keyOf(source: string): ModelKey | undefined {
    return this.#known.get(source)?.key
  }

  /** Brings the subscriptions in line with what is held: after loads and evictions, and when executors have died. */
  look(): void {
    for (const holding of this.#known.values()) this.#settle(holding)
  }

  /** Ends all subscriptions; resolves when nothing can come through them any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#unwatch?.()
    this.look()
    await Promise.all(Array.from(this.#known.values(), ({ leaving }) => leaving))
  }

  #held({ source }: Holding): boolean {
    return !this.#closed && (this.#cache?.holders(source).length ?? 0) > 0
  }

  #settle(holding: Holding): void {
    const held = this.#held(holding)
    if (held === (holding.joined !== undefined)) return
    if (held) {
      if (holding.leaving !== undefined) return
      holding.joined = this.#join(holding)
    } else {
      const leaving = this.#leave(holding).finally(() => {
        holding.leaving = undefined
        // It may have come back meanwhile.
        this.#settle(holding)
      })
      holding.leaving = leaving
    }
    this.#options.onChanged()
  }

  async #join(holding: Holding): Promise<Subscription | undefined> {
    const { source, key } = holding
    try {
      return await this.#responder?.join(key.boundary, () =>
        this.#held(holding) ? undefined : `"${source.name}" is not held here any longer. Ask another node.`,
      )
    } catch (error) {
      // Messages then come by the direct subject; a later look tries again.
      this.#options.events.emit({ type: 'fault', where: 'cluster', error })
      queueMicrotask(() => {
        holding.joined = undefined
      })
      return undefined
    }
  }

  async #leave(holding: Holding): Promise<void> {
    const { clock, events } = this.#options
    const joined = holding.joined
    holding.joined = undefined
    const end = async () => {
      const subscription = await joined
      await subscription?.drain()
    }
    if (await within(end(), longestDrain, clock).catch(() => false)) return
    const error = new TransportClosed(
      `The subscription for "${holding.source.name}" did not end within ${longestDrain} ms. Look at the connection.`,
    )
    events.emit({ type: 'fault', where: 'cluster', error })
  }
}
