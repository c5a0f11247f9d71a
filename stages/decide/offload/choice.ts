import type { Cut, Target, Tried, Weighed } from '../../../pipeline/index.ts'
import type { Endpoint } from './endpoint.ts'
import type { Location } from './location.ts'

/** An endpoint as it is weighed for one message. */
export interface Choice {
  endpoint: Endpoint
  location: Location
  /** Undefined below the wire, where it is behind the message. */
  cut: Cut | undefined
  /** Of the model, less what writing what crosses costs, 0…1. */
  accuracy: number
  /** Milliseconds expected from now to the answer, and so many if it need not be loaded. */
  ms: number
  loaded: number
  /** Milliseconds until it may be asked; 0: now; Infinity: never, by this message. */
  wait: number
  /** Whether it refused lately, or will have to be loaded. */
  cold: boolean
  /** Bytes over the wire. */
  bytes: number
}

/** A list of choices that is filled anew for each decision; what it is made of is kept. */
export class Choices {
  readonly #kept: Choice[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  at(index: number): Choice {
    return this.#kept[index] as Choice
  }

  clear(): void {
    this.#count = 0
  }

  /** The next one, to be filled. */
  next(endpoint: Endpoint, location: Location): Choice {
    const kept = this.#kept[this.#count]
    if (kept) {
      kept.endpoint = endpoint
      kept.location = location
      kept.accuracy = endpoint.accuracy
      this.#count++
      return kept
    }
    const { accuracy } = endpoint
    const fresh: Choice = {
      endpoint,
      location,
      cut: undefined,
      accuracy,
      ms: 0,
      loaded: 0,
      wait: 0,
      cold: false,
      bytes: 0,
    }
    this.#kept[this.#count++] = fresh
    return fresh
  }

  /** All of them, for people. */
  weighed(chosen: Choice): Weighed[] {
    return this.#kept.slice(0, this.#count).map((choice) => ({
      choice: {
        model: choice.endpoint.model,
        ...(choice.cut === undefined ? {} : { cut: choice.cut }),
        ...(choice.location.target === undefined ? {} : { target: choice.location.target }),
      },
      ms: choice.ms + choice.wait,
      accuracy: choice.accuracy,
      bytes: choice.bytes,
      propensity: choice === chosen ? 1 : 0,
    }))
  }

  indexOf(choice: Choice): number {
    return this.#kept.indexOf(choice)
  }
}

/** More accurate; or as accurate and on this side, where it costs nobody anything; or else faster. */
export function better(one: Choice, other: Choice): boolean {
  if (one.accuracy !== other.accuracy) return one.accuracy > other.accuracy
  const [here, there] = [one.location.target === undefined, other.location.target === undefined]
  return here === there ? one.ms < other.ms : here
}

/** Possible at all; or on this side, where no network is in the way; or else sooner. */
export function sooner(one: Choice, other: Choice): boolean {
  const [possible, otherwise] = [Number.isFinite(one.wait), Number.isFinite(other.wait)]
  if (possible !== otherwise) return possible
  const [here, there] = [one.location.target === undefined, other.location.target === undefined]
  if (here !== there) return here
  return possible ? one.ms + one.wait < other.ms + other.wait : one.ms < other.ms
}

/** Whether an attempt of this message with that model in that place has ended already. */
export function wasTried(tried: readonly Tried[], model: string, target: Target | undefined): boolean {
  for (const { plan } of tried) {
    if (plan.model !== model) continue
    if (plan.cut === undefined ? target === plan.target : (plan.cut === 'answered') === (target === undefined)) {
      if (target === undefined || (plan.target ?? 'any') === target) return true
    }
  }
  return false
}
