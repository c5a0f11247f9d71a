import { type Conditions, variant } from './data.ts'

/** What an endpoint says to a request: its answer's time, or after how long it will be loaded. */
export type Reply =
  | { readonly kind: 'answer'; readonly queue: number; readonly run: number; readonly at: number }
  | { readonly kind: 'refusal'; readonly retryAfter: number }

interface Instance {
  /** When it is loaded, ms. */
  ready: number
  free: number
  used: number
}

/** The cloud: one instance for each variant, loaded when it is asked for, unloaded when nobody has asked for a while. */
export class Endpoints {
  readonly #conditions: Conditions
  readonly #instances = new Map<string, Instance>()
  /** Milliseconds that were paid for: runs and loads. */
  paid = 0
  loads = 0

  constructor(conditions: Conditions) {
    this.#conditions = conditions
  }

  /** ms that a request waits which comes to a variant's endpoint; undefined: it is refused, and the variant loaded if it is not being. */
  wait(model: string, now: number): number | undefined {
    const instance = this.#instances.get(model)
    if (instance === undefined || instance.ready > now || this.#isCold(instance, now)) return undefined
    return Math.max(0, instance.free - now)
  }

  /** A request for a variant arrives. A cold endpoint refuses at once, says when it will be ready, and loads. */
  ask(model: string, now: number, noise: number): Reply {
    const { run, load } = variant(model)
    const { cloud } = this.#conditions
    let instance = this.#instances.get(model)
    if (instance === undefined || this.#isCold(instance, now)) {
      instance = { ready: now + load, free: now + load, used: now }
      this.#instances.set(model, instance)
      this.paid += load
      this.loads++
    }
    if (instance.ready > now) return { kind: 'refusal', retryAfter: instance.ready - now }
    const began = Math.max(now, instance.free)
    const takes = run * cloud * noise
    instance.free = began + takes
    instance.used = instance.free
    this.paid += takes
    return { kind: 'answer', queue: began - now, run: takes, at: instance.free }
  }
  #isCold({ used, ready }: Instance, now: number): boolean {
    return now - Math.max(used, ready) > this.#conditions.keepWarm
  }
}
