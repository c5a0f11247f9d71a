import TinyQueue from 'tinyqueue'
import { factors, type Random, random } from '../../../adapters/simulation/index.ts'
import { type Decider, type Menu, type Plan, type Tried, type Way, World } from '../../../pipeline/index.ts'
import { type Conditions, models, variant } from './data.ts'
import { Device } from './device.ts'
import { Endpoints } from './endpoints.ts'
import { asked, ended } from './told.ts'

/** What the simulation knows and no real decider can: for oracles. */
export interface Insight {
  readonly conditions: Conditions
  readonly device: Device
  readonly endpoints: Endpoints
}

/** Who decides, and what it may choose from. */
export interface Policy {
  readonly name: string
  decider(insight: Insight): Decider
  /** Chooses among the models in the cloud, where the device leaves that open. Default: nobody, the first counts. */
  cloud?(): Decider
  readonly cuts: Menu['cuts']
  readonly backups?: Menu['backups']
}

/** What became of the requests behind the warm-up. */
export interface Trial {
  readonly requests: number
  /** Answered within their deadlines. */
  readonly met: number
  /** Sum of the accuracies of those. */
  readonly accuracy: number
  /** Of those, answered by the cloud. */
  readonly byCloud: number
  /** Loads in the cloud, and ms of runs and loads there. */
  readonly loads: number
  readonly paid: number
  /** ms of loads and runs on the device, and bytes sent up. */
  readonly computed: number
  readonly sent: number
}

/** What became of one request: the accuracy of its answer, 0 where none came in time; and what chance had in store for it. */
export interface Settled {
  readonly seq: number
  readonly accuracy: number
  readonly deadline: number
  readonly bytes: number
  readonly noise: Request['noise']
}

/** A request under way. */
interface Request {
  readonly id: string
  readonly seq: number
  readonly captured: number
  readonly deadline: number
  readonly bytes: number
  readonly noise: { readonly device: number; readonly cloud: number; readonly up: number }
  readonly tried: Tried[]
  attempt: number
  plan: Plan
  /** The accuracy of a backup's answer, kept until the deadline. */
  standIn: number | undefined
  settled: boolean
}

/** Attempts of one request at most. */
const mostAttempts = 3

/**
 * Requests, a device and a cloud in virtual time. A decider is asked as each request arrives, again when an endpoint
 * refuses, and observes every end of an attempt when it happens. Deterministic: the same seed gives the same requests
 * and the same noise to every policy.
 */
export function simulate(
  policy: Policy,
  conditions: Conditions,
  seed: number,
  requests: number,
  warmUp: number,
  heard?: (settled: Settled) => void,
): Trial {
  return new Simulation(policy, conditions, seed, requests, warmUp, heard).run()
}

class Simulation {
  readonly #decider: Decider
  readonly #cloud: Decider | undefined
  readonly #conditions: Conditions
  readonly #menu: Menu
  readonly #requests: number
  readonly #warmUp: number
  readonly #random: Random
  readonly #noise: { readonly up: () => number; readonly device: () => number; readonly cloud: () => number }
  readonly #events = new TinyQueue<{ at: number; order: number; then: () => void }>(
    [],
    (a, b) => a.at - b.at || a.order - b.order,
  )
  readonly #heard: ((settled: Settled) => void) | undefined
  readonly #world: World
  readonly #cloudWorld: World
  readonly #device: Device
  readonly #endpoints: Endpoints
  #now = 0
  #order = 0
  #counted = { met: 0, accuracy: 0, byCloud: 0, loads: 0, paid: 0, computed: 0, sent: 0 }

  constructor(
    policy: Policy,
    conditions: Conditions,
    seed: number,
    requests: number,
    warmUp: number,
    heard: ((settled: Settled) => void) | undefined,
  ) {
    this.#heard = heard
    this.#conditions = conditions
    this.#requests = requests
    this.#warmUp = warmUp
    this.#random = random(seed, 'requests')
    const { upload, run } = conditions.cv
    const lognormal = (cv: number, name: string) => factors({ kind: 'lognormal', cv }, random(seed, name))
    this.#noise = { up: lognormal(upload, 'up'), device: lognormal(run, 'device'), cloud: lognormal(run, 'cloud') }
    const { cuts, backups = ['none'] } = policy
    this.#menu = { models: models.ids, cuts, encodings: ['jpeg'], targets: ['any'], backups }
    const time = { now: () => this.#now, after: (ms: number, then: () => void) => this.#after(ms, then) }
    const clock = { now: () => this.#now, after: () => ({ cancel() {} }) }
    this.#world = new World(clock)
    this.#cloudWorld = new World(clock)
    this.#device = new Device(conditions, models.ids, time)
    this.#endpoints = new Endpoints(conditions)
    this.#decider = policy.decider({ conditions, device: this.#device, endpoints: this.#endpoints })
    this.#cloud = policy.cloud?.()
  }

  run(): Trial {
    this.#arrive(0)
    for (let event = this.#events.pop(); event; event = this.#events.pop()) {
      this.#now = event.at
      event.then()
    }
    const { loads, paid } = this.#endpoints
    const before = this.#counted
    return {
      ...before,
      requests: this.#requests - this.#warmUp,
      loads: loads - before.loads,
      paid: paid - before.paid,
    }
  }

  #after(ms: number, then: () => void): void {
    this.#events.push({ at: this.#now + ms, order: this.#order++, then })
  }

  #arrive(seq: number): void {
    if (seq === this.#requests) return
    const { uniform, exponential } = this.#random
    const { pause, bytes, deadline } = this.#conditions
    const [least, most] = deadline
    const [from, to] = bytes
    this.#after(exponential() * pause, () => {
      if (seq === this.#warmUp) {
        const { loads, paid } = this.#endpoints
        Object.assign(this.#counted, { loads, paid })
      }
      const request: Request = {
        id: `r${seq}`,
        seq,
        captured: this.#now,
        deadline: least + uniform() * (most - least),
        bytes: Math.round(from + uniform() * (to - from)),
        noise: { up: this.#noise.up(), device: this.#noise.device(), cloud: this.#noise.cloud() },
        tried: [],
        attempt: 0,
        plan: {},
        standIn: undefined,
        settled: false,
      }
      this.#after(request.deadline, () => this.#expire(request))
      this.#attempt(request)
      this.#arrive(seq + 1)
    })
  }

  /** Decides about a request, for the first time or again, and does what was decided. */
  #attempt(request: Request): void {
    request.attempt++
    this.#world.set('resident', this.#device.held, 'simulation')
    const menu = this.#decider.decide(asked(request, this.#now), this.#world, this.#menu)
    const [model, cut, target] = [menu.models[0] as string, menu.cuts[0] as 'captured' | 'answered', menu.targets[0]]
    const open = cut === 'captured' && this.#cloud !== undefined && menu.models.length > 1
    request.plan = {
      ...(open ? {} : { model }),
      cut,
      ...(cut === 'answered' || target === undefined ? {} : { target }),
    }
    if (cut === 'answered') this.#runHere(request, model, false)
    else this.#send(request)
    const [backup] = menu.backups
    if (cut === 'answered' || !backup?.startsWith('model:') || menu.backupAfter === undefined) return
    const { attempt } = request
    this.#after(Math.max(0, menu.backupAfter - (this.#now - request.captured)), () => {
      if (request.settled || request.attempt !== attempt) return
      this.#runHere(request, backup.slice('model:'.length), true)
    })
  }

  #runHere(request: Request, model: string, backup: boolean): void {
    const { attempt } = request
    const plan: Plan = backup ? { model, cut: 'answered' } : request.plan
    this.#device.run({
      model,
      noise: request.noise.device,
      at: this.#now,
      isWanted: () => !request.settled,
      done: ({ queue, load, run }) => {
        const timings = { execute: queue + load + run, queue, load }
        if (request.seq >= this.#warmUp) this.#counted.computed += load + run
        const outcome = ended(request, this.#now, plan, attempt, timings)
        this.#decider.observe?.(
          backup ? { ...outcome, attempt: attempt + 1, settled: false, backup: true } : outcome,
          this.#world,
        )
        if (backup) request.standIn = variant(model).accuracy
        else this.#settle(request, variant(model).accuracy, false)
      },
    })
  }

  #send(request: Request): void {
    const { delay, uplink } = this.#conditions
    const { attempt, bytes } = request
    const up = delay + ((bytes * 8000) / uplink) * request.noise.up
    if (request.seq >= this.#warmUp) this.#counted.sent += bytes
    this.#after(up, () => {
      const way = { up, down: delay }
      const model = request.plan.model ?? this.#chosenThere(request, way)
      const plan = { ...request.plan, model }
      const reply = this.#endpoints.ask(model, this.#now, request.noise.cloud)
      if (reply.kind === 'refusal') {
        const { retryAfter } = reply
        this.#after(delay, () => this.#refused(request, plan, attempt, retryAfter))
        return
      }
      const { queue, run, at } = reply
      const executed = { execute: queue + run, queue }
      if (this.#cloud?.observe) {
        const there = () => ended(request, this.#now, plan, attempt, { cloud: 0, ...executed }, 'cloud', way)
        this.#after(at - this.#now, () => this.#cloud?.observe?.(there(), this.#cloudWorld))
      }
      this.#after(at - this.#now + delay, () => {
        const crossing = { at: 'captured' as const, encoding: 'jpeg', bytes, node: 'cloud' }
        const outcome = ended(request, this.#now, plan, attempt, { transfer: up + delay, ...executed })
        this.#decider.observe?.({ ...outcome, crossing }, this.#world)
        this.#settle(request, variant(model).accuracy, true)
      })
    })
  }

  /** The model that the cloud chooses for what has arrived. */
  #chosenThere(request: Request, way: Way): string {
    const open: Menu = { ...this.#menu, cuts: ['answered'], backups: ['none'] }
    const about = { ...asked(request, this.#now), side: 'cloud' as const, way, plan: request.plan }
    const menu = this.#cloud?.decide(about, this.#cloudWorld, open) ?? open
    return menu.models[0] as string
  }

  #refused(request: Request, plan: Plan, attempt: number, retryAfter: number): void {
    const outcome = ended(request, this.#now, plan, attempt, {})
    this.#decider.observe?.({ ...outcome, kind: 'failure', error: 'refused', retryAfter, settled: false }, this.#world)
    if (request.settled || attempt === mostAttempts) return
    request.tried.push({ plan, error: 'refused', retryAfter })
    this.#attempt(request)
  }

  /** The deadline has come: what a backup has said is shown. */
  #expire(request: Request): void {
    if (request.standIn !== undefined) this.#settle(request, request.standIn, false)
    if (!request.settled) this.#heard?.({ ...request, accuracy: 0 })
    request.settled = true
  }

  #settle(request: Request, accuracy: number, byCloud: boolean): void {
    if (request.settled) return
    request.settled = true
    this.#heard?.({ ...request, accuracy })
    if (request.seq < this.#warmUp) return
    this.#counted.met++
    this.#counted.accuracy += accuracy
    if (byCloud) this.#counted.byCloud++
  }
}
