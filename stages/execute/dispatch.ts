import type { Clock, Timer } from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import { gather } from './gather.ts'
import type { Leases } from './leases.ts'
import type { ModelStates } from './model-state.ts'
import type { PoolSettings } from './options.ts'
import type { Outcome, Performer } from './perform.ts'
import type { Candidate, Placement } from './placement.ts'
import type { Line } from './queue.ts'
import type { RunQueue } from './run-queue.ts'
import type { Slot, Up } from './slot.ts'
import { Turn } from './turn.ts'
import type { Work } from './work.ts'

export interface DispatcherOptions {
  readonly settings: PoolSettings
  readonly clock: Clock
  readonly queue: RunQueue<Work>
  readonly states: ModelStates
  readonly performer: Performer
  readonly slots: readonly Slot[]
  readonly place: Placement
  /** Undefined: each executor holds all that it was ever asked for. */
  readonly leases: Leases | undefined
  /** A model that this executor should load before it runs anything. */
  readonly nextLoad: (up: Up) => ModelSource | undefined
  /** A run was made for nothing, or not made, and is to be tried again. */
  readonly again: (work: Work) => void
  /** Its turn has come, and it would not be over in time any more: it takes about so many ms of the `left` ones. */
  readonly late: (work: Work, takes: number, left: number) => void
  /** An executor died under it. */
  readonly lost: (work: Work, outcome: Lost, executor: string) => void
  /** Something ended. */
  readonly after: () => void
}

export type Lost = Extract<Outcome, { type: 'lost' }>

interface Place {
  readonly slot: Slot
  readonly up: Up
}

/** Gives executors what there is to do: loads first, then waiting runs by their urgency, together where that pays. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  #wake: Timer | undefined
  /** Works handed to a second executor, since the start. */
  tied = 0

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  dispatch(): void {
    this.#load()
    const { queue, clock } = this.#options
    if (queue.length === 0) return this.end()
    const now = clock.now()
    let places = this.#places()
    let wake = Infinity
    // Of owners and lines whose first cannot begin; the rest of a line is behind those.
    const owners = new Set<string>()
    const passed = new Set<Line<Work>>()
    for (let next = queue.next(owners); next && places.length > 0; next = queue.next(owners)) {
      const line = next.lines.find((each) => !passed.has(each))
      if (line === undefined) {
        owners.add(next.owner)
        continue
      }
      const until = this.#begin(line.items[0] as Work, places, now)
      if (until === undefined) places = this.#places()
      else {
        wake = Math.min(wake, until)
        passed.add(line)
      }
    }
    this.#wake?.cancel()
    this.#wake = wake < Infinity ? clock.after(wake - now, () => this.dispatch()) : undefined
  }

  /** No more timers of its own. */
  end(): void {
    this.#wake?.cancel()
    this.#wake = undefined
  }

  #load(): void {
    for (const slot of this.#options.slots) {
      const { up } = slot
      const model = up?.lane.empty ? this.#options.nextLoad(up) : undefined
      if (up && model !== undefined) void this.load(model, { slot, up })
    }
  }

  /** Loads a model ahead of its runs. A failure is told by an event. */
  async load(model: ModelSource, { slot, up }: Place): Promise<void> {
    const { performer, after } = this.#options
    await up.lane.load(() => performer.load(model, slot, up)).catch(() => {})
    after()
  }

  /** Executors that can take a run now: those with nothing to do, and those that take the next one ahead. */
  #places(): Place[] {
    const places: Place[] = []
    for (const slot of this.#options.slots) if (slot.up && this.#takes(slot.up)) places.push({ slot, up: slot.up })
    return places
  }

  #takes({ lane, executor }: Up): boolean {
    if (lane.empty) return true
    const { turns } = lane
    const { depth = 1 } = executor
    if (lane.loading || turns.length >= depth) return false
    return turns.every(({ usual = Infinity }) => usual <= this.#options.settings.ahead)
  }

  /** @returns when it is worth another look (Infinity: when something ends); undefined when it has begun, or is too late */
  #begin(work: Work, places: readonly Place[], now: number): number | undefined {
    const { queue, states, leases, place, settings } = this.#options
    const { model } = work
    const idle = places.filter(({ up }) => up.lane.empty)
    const holders = places.filter(({ up }) => up.residency.has(model.key))
    const free = leases === undefined ? idle : idle.filter((each) => holders.includes(each))
    if (leases?.cache.holders(model).length === 0) leases.want(model, work.expires)
    const candidates = free.map(({ up }) => candidate(up, now))
    const chosen = candidates.length > 0 ? place(model, candidates) : undefined
    const target = chosen ? free[candidates.indexOf(chosen)] : holders.find(({ up }) => !up.lane.empty)
    if (target === undefined || (free.length > 0 && chosen === undefined)) return Infinity
    const state = states.of(model)
    const delay = target.up.lane.left(now)
    const takes = delay + (state.times.usual ?? 0)
    const left = (work.expires ?? Infinity) - now
    // What came in between was more urgent. One that has not waited was let in for what it finds.
    if (takes > left && work.arrived < now && settings.admission && !work.trial) {
      this.#options.late(work, takes, left)
      return undefined
    }
    const ahead = !target.up.lane.empty
    const gathered = gather(work, queue.company(work), state, {
      batch: settings.batch,
      now,
      delay,
      ahead,
      sharers: free.length,
    })
    if (gathered.until !== undefined) {
      if (!ahead) for (const each of gathered.works) each.held ??= now
      return gathered.until
    }
    const lease = leases?.take(model, target.up.executor.id)
    if (leases !== undefined && lease === undefined) {
      // It is held, and may not be used: room is being made for another.
      leases.want(model, work.expires)
      return Infinity
    }
    for (const each of gathered.works) {
      queue.remove(each)
      states.dequeue(state, each.turn, true)
    }
    const rows = gathered.works.reduce((sum, { rows = 1 }) => sum + rows, 0)
    void this.#hand(new Turn(gathered.works, now, state.times.p99(rows), lease), target)
    return undefined
  }

  /**
   * Keeps the executor occupied with a turn, and only then does what follows from it: whoever hears of a result and
   * comes back with more finds the executor free, and with the model loaded.
   */
  async #hand(turn: Turn, place: Place): Promise<void> {
    const { performer, after, clock, queue } = this.#options
    const { lane } = place.up
    const held = queue.hold(turn.works)
    for (const work of turn.works) {
      work.copies += 1
      work.handed = turn
    }
    lane.add(turn)
    if (lane.turns[0] === turn) turn.began = turn.handed
    else this.#tie(turn, place)
    const outcome = await performer.perform(turn, place.slot, place.up)
    turn.end()
    queue.end(held)
    const next = lane.remove(turn)
    // With a dead executor the next one dies, too, and not for its own fault.
    if (next !== undefined && next.began === undefined && outcome.type !== 'lost') {
      next.began = clock.now()
      performer.watch(next, place.slot, place.up)
    }
    turn.lease?.release(outcome.type === 'done' ? outcome.ms : undefined)
    this.#conclude(turn, outcome, place.up)
    after()
  }

  #conclude(turn: Turn, outcome: Outcome, { executor }: Up): void {
    const { again, lost, performer } = this.#options
    turn.works.forEach((work, index) => {
      work.copies -= 1
      if (outcome.type === 'done') {
        const { ms, loadMs } = outcome
        const waited = (turn.began ?? turn.handed) - work.arrived
        const queueMs = Math.max(0, waited - work.loading)
        const outputs = outcome.outputs[index] ?? []
        const batchMs = work.held === undefined ? 0 : turn.handed - work.held
        const loading = loadMs + work.loading
        const batch = turn.works.length
        const report = { queueMs, loadMs: loading, batchMs, runMs: ms, outputs, batch, executor: executor.id }
        performer.times.add(report)
        performer.cold.add(work.model, report)
        work.resolve(report)
      } else if (work.settled || work.copies > 0) return
      else if (outcome.type === 'lost' && turn.began !== undefined) {
        if (turn.works.length > 1) work.alone = true
        lost(work, outcome, executor.id)
      } else if (outcome.type === 'failed' && turn.works.length === 1) work.reject(outcome.error)
      else {
        // One of them may have spoiled it for the others: each gets a run of its own.
        if (outcome.type === 'failed') work.alone = true
        again(work)
      }
    })
  }

  /**
   * Watches what a turn waits behind in its executor: does that take longer than 99 of 100 runs, an executor that holds
   * the model and has nothing to do makes it instead, and it is taken back from the first (Dean and Barroso, "The Tail
   * at Scale", CACM 2013: tied requests).
   */
  #tie(turn: Turn, { up }: Place): void {
    const { clock, settings } = this.#options
    if (settings.tied === 0) return
    const { usual = 0 } = turn
    const look = () => {
      if (turn.began !== undefined || turn.takenBack || this.#double(turn)) return
      turn.tie = clock.after(Math.max(1, usual), look)
    }
    turn.tie = clock.after(Math.max(1, up.lane.left(turn.handed) - usual), look)
  }

  /** @returns whether another executor makes it now, or nobody wants it */
  #double(turn: Turn): boolean {
    const { performer, leases, states, settings, clock } = this.#options
    const works = turn.works.filter(({ settled }) => !settled)
    if (works.length === 0) return true
    if (this.tied + works.length > performer.made * settings.tied) return false
    const other = this.#places().find((each) => each.up.lane.empty && each.up.residency.has(turn.model.key))
    const lease = other && leases?.take(turn.model, other.up.executor.id)
    if (other === undefined || (leases !== undefined && lease === undefined)) return false
    this.tied += works.length
    const rows = works.reduce((sum, { rows = 1 }) => sum + rows, 0)
    void this.#hand(new Turn(works, clock.now(), states.of(turn.model).times.p99(rows), lease), other)
    turn.takeBack()
    return true
  }
}

function candidate({ executor, residency, lane }: Up, now: number): Candidate {
  return {
    id: executor.id,
    holds: (key) => residency.has(key),
    models: residency.size,
    bytes: residency.bytes,
    work: lane.work(now),
  }
}
