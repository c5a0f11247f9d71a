import { z } from 'zod'
import type { Target } from '../../../pipeline/index.ts'
import type { Models } from '../../manage/index.ts'
import { guessedLoad, guessedRun } from '../estimate/guess.ts'
import { restored } from '../estimate/restore.ts'
import { Samples } from '../estimate/samples.ts'
import { Slowdown } from '../estimate/slowdown.ts'
import { Endpoint } from './endpoint.ts'
import type { Network } from './network.ts'

const saved = z.strictObject({
  running: z.unknown(),
  loading: z.unknown(),
  network: z.unknown(),
  rest: z.record(z.string(), z.unknown()),
  endpoints: z.record(z.string(), z.unknown()),
})

/** Variance of ln(guess ÷ truth): a first guess is half as much, or twice. */
const doubtOfGuess = 0.25
/** Samples kept of what happens besides the model. */
const keep = 64

/** Where models run: on this side, or at one target across the wire. What is known of it, and of each model there. */
export class Location {
  /** Undefined: on this side. */
  readonly target: Target | undefined
  /** Its name alone, as a menu wants it. */
  readonly only: readonly Target[] | undefined
  /** Undefined on this side. */
  readonly network: Network | undefined
  readonly endpoints = new Map<string, Endpoint>()
  /** How far off the catalogue's guesses are here. */
  readonly #running = new Slowdown()
  readonly #loading = new Slowdown()
  /** Per cut: milliseconds besides the model and the wire. */
  readonly #rest = new Map<string, Samples>()
  #coldUntil = Number.NEGATIVE_INFINITY
  /** Local clock, ms: since when a message asks whether it is back. */
  #asking: number | undefined
  #failed = false

  constructor(target?: Target, network?: Network) {
    this.target = target
    this.only = target === undefined ? undefined : [target]
    this.network = network
  }

  /** A model here. @throws UnknownModel */
  endpoint(model: string, models: Models): Endpoint {
    const known = this.endpoints.get(model)
    if (known) return known
    const entry = models.entry(model)
    const guess = { run: guessedRun(entry), load: guessedLoad(entry) }
    const endpoint = new Endpoint(model, entry.accuracy, guess)
    this.endpoints.set(model, endpoint)
    return endpoint
  }

  /**
   * Milliseconds below which the share q of its runs stay. Of a model that never ran: as slow as its guess; across the
   * wire, where nothing else would ever tell, as fast as it may well be.
   */
  run(endpoint: Endpoint, q: number): number {
    const known = endpoint.runs.quantile(q)
    if (known !== undefined) return known
    const { factor, deviation } = this.#running
    return endpoint.guess.run * (this.target === undefined ? factor : factor * Math.exp(-deviation))
  }

  /** Milliseconds below which the share q of its loads stay. */
  load(endpoint: Endpoint, q: number): number {
    return endpoint.loads.quantile(q) ?? endpoint.guess.load * this.#loading.factor
  }

  /**
   * Whether a model will have to be loaded.
   * @param resident the models loaded here, where that is known. Else one that never ran here is not loaded on this
   * side, and loaded across the wire, where it is offered.
   */
  unloaded(endpoint: Endpoint, now: number, resident: readonly string[] | undefined): boolean {
    if (resident) return !resident.includes(endpoint.model)
    return endpoint.known ? endpoint.unloaded(now) : this.target === undefined
  }

  /** Milliseconds besides the model and the wire; 0 where nothing was observed. */
  rest(cut: string, q: number): number {
    return this.#rest.get(cut)?.quantile(q) ?? 0
  }

  /** Learns that a model answered here. */
  answered(endpoint: Endpoint, run: number, load: number, now: number): void {
    this.#running.observe(endpoint.guess.run, run, doubtOfGuess)
    if (load > 0) this.#loading.observe(endpoint.guess.load, load, doubtOfGuess)
    endpoint.answered(run, load, now)
    this.#coldUntil = Number.NEGATIVE_INFINITY
    this.#asking = undefined
    this.#failed = false
  }

  observeRest(cut: string, ms: number): void {
    let samples = this.#rest.get(cut)
    if (!samples) {
      samples = new Samples(keep)
      this.#rest.set(cut, samples)
    }
    samples.add(ms)
  }

  /** Nothing here is asked before that time; then one message asks, and the others wait for what becomes of it. */
  coolUntil(time: number): void {
    this.#coldUntil = Math.max(this.#coldUntil, time)
    this.#asking = undefined
    this.#failed = true
  }

  /** Milliseconds until an endpoint here may be asked; 0: now. */
  wait(endpoint: Endpoint, now: number, coldFor: number): number {
    const until = Math.max(this.#coldUntil, endpoint.coldUntil)
    if (until > now) return until - now
    const asking = this.#asking === undefined ? Number.NEGATIVE_INFINITY : this.#asking + coldFor
    return asking > now ? asking - now : 0
  }

  /** A message is sent here. */
  ask(now: number): void {
    if (this.#failed) this.#asking = now
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return {
      running: this.#running.save(),
      loading: this.#loading.save(),
      network: this.network?.save() ?? null,
      rest: Object.fromEntries([...this.#rest].map(([cut, samples]) => [cut, samples.save()])),
      endpoints: Object.fromEntries(
        [...this.endpoints].flatMap(([model, endpoint]) => (endpoint.known ? [[model, endpoint.save()]] : [])),
      ),
    }
  }

  /** Models that are not in the catalogue any longer are forgotten. @throws BadConfiguration as the port says */
  restore(from: unknown, models: Models): void {
    const { running, loading, network, rest, endpoints } = restored(saved, from, 'a location')
    this.#running.restore(running)
    this.#loading.restore(loading)
    if (this.network && network !== null) this.network.restore(network)
    this.#rest.clear()
    for (const [cut, values] of Object.entries(rest)) {
      const samples = new Samples(keep)
      samples.restore(values)
      this.#rest.set(cut, samples)
    }
    for (const [model, values] of Object.entries(endpoints)) {
      if (models.ids.includes(model)) this.endpoint(model, models).restore(values)
    }
  }
}
