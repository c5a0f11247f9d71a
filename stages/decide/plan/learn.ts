import { z } from 'zod'
import { layerOf, type Outcome, type Probe, type Target, type World } from '../../../pipeline/index.ts'
import type { CatalogueEntry, Models } from '../../manage/index.ts'
import { Backlog } from '../estimate/backlog.ts'
import { Calibration } from '../estimate/calibration.ts'
import { Constancy } from '../estimate/constancy.ts'
import type { CutCosts } from '../estimate/cuts.ts'
import { Legs } from '../estimate/legs.ts'
import { OnTime } from '../estimate/ontime.ts'
import { PathTimes } from '../estimate/paths.ts'
import { Reach } from '../estimate/reach.ts'
import { learned, savedOf } from '../estimate/restore.ts'
import { Unanswered } from '../estimate/unanswered.ts'
import type { Knowledge } from './knowledge.ts'
import { Off } from './off.ts'
import type { Settings } from './options.ts'

const saved = learned(
  'plan()',
  1,
  z.strictObject({
    times: z.unknown(),
    onTime: z.unknown(),
    reach: z.unknown(),
    constancy: z.unknown(),
    calibrations: z.record(z.string(), z.unknown()),
    off: z.unknown(),
  }),
)

/** What was expected of a message, until it is known what came of it. */
export interface Expected {
  readonly attempt: number
  readonly source: string
  /** Local clock, ms: when it was decided. */
  readonly at: number
  /** The pool of its path, and where the path leads. */
  readonly pool: string
  readonly kind: string
  readonly edge: string | undefined
  readonly crosses: boolean
  /** Milliseconds of the whole, on the device, on the way and in the cloud. */
  readonly time: number
  /** How far off the whole is expected to be, as others like it were: standard deviation of its logarithm. */
  readonly scale: number
  readonly device: number
  readonly uplink: number
  readonly cloud: number
  readonly bytes: number
  /** Bytes of the activation as it was computed. */
  readonly bulk: number
  readonly share: number
  readonly beside: number
  /** The model that runs on this half's executors, and what is prepared before, ms; undefined where none does. */
  readonly model: string | undefined
  readonly prepare: number
  /** How far off the whole may be: standard deviation of its logarithm. */
  readonly doubt: number
  /** The model that stands in for it, where one does. */
  readonly standIn: StandIn | undefined
}

/** Milliseconds that a stand-in was to take, and how far off that may be. */
export interface StandIn {
  readonly model: string
  /** Milliseconds from the decision to its run. */
  readonly ready: number
  readonly time: number
  readonly scale: number
  readonly doubt: number
}

interface Answer {
  readonly model: string
  readonly score: number
  readonly label: string
}

interface Pending {
  expected: Expected | undefined
  standIn: StandIn | undefined
  source: string
  /** The first answer, which another may confirm. */
  answer: Answer | undefined
}

/** Messages remembered: more than are ever in flight. */
const most = 1024
/** These say that nobody answered, not that it was slow. */
const unreachable: ReadonlySet<string> = new Set([
  'node-lost',
  'no-responders',
  'refused',
  'transport-closed',
  'version-mismatch',
])
/** What was predicted with more doubt was a guess: how wrong it was tells nothing about the way's own spread. */
const guess = 0.4
/** What was given up would have taken longer, nobody knows how much: so many times what it was given. */
const beyond = 1.25

/** Everything the planner knows, learned from outcomes alone. */
export class Learner implements Knowledge {
  readonly times: PathTimes
  readonly onTime = new OnTime({ prior: 1, keep: 256 })
  readonly off = new Off()
  readonly reach = new Reach()
  readonly constancy = new Constancy()
  readonly unanswered = new Unanswered()
  readonly backlog = new Backlog()
  /** Kinds of path that this pipeline cannot go: it will not learn to while it runs. */
  readonly impossible = new Set<string>()
  readonly #calibrations = new Map<string, Calibration>()
  readonly #pending = new Map<string, Pending>()
  /** Of messages that are decided about in the cloud; learned anew within some dozens of them, and not saved. */
  readonly #legs = new Legs()

  constructor(link: Settings['link']) {
    this.times = new PathTimes(link)
  }

  /** What the scores of a model stand for. */
  calibration({ id, accuracy }: CatalogueEntry): Calibration {
    const known = this.#calibrations.get(id) ?? new Calibration(accuracy)
    this.#calibrations.set(id, known)
    return known
  }

  /** Remembers what is expected of a message. */
  expect(id: string, expected: Expected): void {
    this.#given(id, expected)
    const pending = this.#pending.get(id)
    if (pending) {
      pending.expected = expected
      pending.standIn = expected.standIn
      return
    }
    const { source, standIn } = expected
    this.#pending.set(id, { expected, standIn, source, answer: undefined })
    if (this.#pending.size > most) this.#pending.delete(this.#pending.keys().next().value as string)
  }

  /** Learns what the world says besides outcomes: loads, and who gave a sign of life. */
  hear(world: World): void {
    this.times.hear(world)
    const cloud = world.get('cloud')
    if (cloud) this.reach.alive('any', cloud.at)
    const clouds = world.value('clouds')
    if (clouds) for (const [node, { at }] of clouds) this.reach.alive(`node:${node}`, at)
  }

  observe(outcome: Outcome, world: World, models: Models, cutsOf: (model: string) => CutCosts): void {
    const { id, kind, plan, side, backup } = outcome
    this.#ended(outcome)
    const pending = this.#pending.get(id)
    const entry = plan.model !== undefined && models.ids.includes(plan.model) ? models.entry(plan.model) : undefined
    if (backup) {
      const standIn = pending?.standIn
      if (pending) pending.standIn = undefined
      if (entry) this.#stoodIn(outcome, entry, standIn)
    } else {
      const expected = pending?.expected?.attempt === outcome.attempt ? pending.expected : undefined
      if (pending && expected) pending.expected = undefined
      if (kind === 'failure') return this.#failed(outcome, entry, expected)
      if (kind === 'dropped' || !entry) return
      if (side === 'cloud') {
        this.times.observeBelow(outcome, entry, world.value('cloud')?.node ?? 'here')
        if (!expected) return
        const { cloud = 0, execute = 0 } = outcome.timings
        const down = outcome.way ? this.#legs.draw(outcome.way, outcome.bytes) : 0
        if (outcome.way) this.off.observe('down', outcome.way.down, down)
        this.off.observe('cloud', expected.cloud, cloud + execute)
        this.#took(expected.pool, expected, outcome.now - expected.at + down)
        return
      }
      this.#answered(outcome, entry, expected, cutsOf)
    }
    if (kind === 'message' && entry && pending && outcome.score !== undefined && outcome.label !== undefined)
      this.#judge(
        pending,
        { model: entry.id, score: outcome.score, label: outcome.label },
        outcome.now - outcome.latency,
        models,
      )
  }

  /** What device and uplink have been given to do. */
  #given(
    id: string,
    { at, edge, crosses, device, uplink, cloud, bytes, model, share, prepare, standIn }: Expected,
  ): void {
    this.backlog.done(id)
    this.backlog.done(standInOf(id))
    if (crosses) this.unanswered.sent(id, edge, bytes, at + device, uplink + cloud)
    if (model !== undefined && share > 0) this.backlog.add(id, model, share, at + prepare)
    if (standIn) this.backlog.add(standInOf(id), standIn.model, 1, at + standIn.ready)
  }

  /** What they need do no longer. */
  #ended({ id, kind, error, backup, settled, now }: Outcome): void {
    const abandoned = kind === 'failure' && (error === 'deadline-exceeded' || error === 'cancelled')
    const work = backup ? standInOf(id) : id
    if (abandoned) this.backlog.givenUp(work)
    else this.backlog.done(work)
    if (backup) return
    if (settled) this.backlog.spared(standInOf(id), now)
    if (kind === 'message') this.unanswered.answered(id)
    else if (!abandoned) this.unanswered.ended(id)
  }

  /** Learns from a probe: one that got through says how things are now, whatever was known of a way nobody took for long. */
  probed({ node, bytes, ms, answered, now }: Probe): void {
    const targets: Target[] = node === undefined || node === this.times.lines.current ? ['any'] : []
    if (node !== undefined) targets.push(`node:${node}`)
    if (!answered) {
      for (const target of targets) this.reach.observe(target, false, now)
      return
    }
    for (const target of targets) this.reach.alive(target, now)
    if (node !== undefined) this.times.lines.probed(node, bytes, ms, now)
    this.unanswered.through(now - ms)
  }

  /** What was learned, as plain JSON. */
  save(): unknown {
    return saved.write({
      times: this.times.save(),
      onTime: this.onTime.save(),
      reach: this.reach.save(),
      constancy: this.constancy.save(),
      off: this.off.save(),
      calibrations: Object.fromEntries([...this.#calibrations].map(([model, scores]) => [model, scores.save()])),
    })
  }

  /** Models that are not in the catalogue any longer are forgotten. @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown, models: Models): void {
    const { times, onTime, reach, constancy, calibrations, off } = saved.read(from, savedOf('plan()'))
    this.times.restore(times)
    this.onTime.restore(onTime)
    this.reach.restore(reach)
    this.constancy.restore(constancy)
    this.off.restore(off)
    this.#calibrations.clear()
    for (const [model, scores] of Object.entries(calibrations))
      if (models.ids.includes(model)) this.calibration(models.entry(model)).restore(scores)
  }

  #answered(
    outcome: Outcome,
    entry: CatalogueEntry,
    expected: Expected | undefined,
    cutsOf: (model: string) => CutCosts,
  ): void {
    const { crossing, plan, now } = outcome
    const layer = crossing && layerOf(crossing.at)
    const costs = layer === undefined ? undefined : cutsOf(entry.id)
    const at = crossing && costs?.indexOf(crossing.at)
    const share = expected?.share ?? (at === undefined || !costs ? 0 : costs.share(at))
    this.times.observe(outcome, entry, share, expected?.beside ?? 0)
    if (crossing) {
      this.reach.observe(targetOf(plan.target), true, now)
      if (layer !== undefined && expected)
        this.times.observeActivation(crossing.encoding, expected.bulk, crossing.bytes)
    }
    if (expected) {
      this.#compared(outcome, expected)
      // Where it led is known now: what another edge does says nothing about this one.
      const pool = crossing ? `${expected.kind}@${crossing.node}` : expected.pool
      this.#took(pool, expected, now - expected.at)
    }
  }

  /** How far off each step was. */
  #compared({ crossing, timings, latency, began = 0 }: Outcome, { device: here, cloud: there, doubt }: Expected): void {
    if (doubt > guess) return
    const { capture = 0, head = 0, cloud = 0, execute = 0, transfer = 0 } = timings
    if (!crossing) this.off.observe('run', here, latency - began - capture)
    else {
      this.off.observe('prepare', here, latency - began - capture - transfer - cloud - execute + head)
      this.off.observe('cloud', there, cloud + execute - head)
    }
  }

  /** A message that ran out of time would have taken longer; of what is too slow nothing else tells. */
  #failed(
    { error, plan, now, side, timings, ...outcome }: Outcome,
    entry: CatalogueEntry | undefined,
    expected: Expected | undefined,
  ): void {
    if (error === 'bad-configuration' && side === 'device' && expected) this.impossible.add(expected.kind)
    const crosses = plan.cut !== 'answered' && expected?.crosses !== false
    if (side === 'device' && crosses && error !== undefined && unreachable.has(error))
      this.reach.observe(targetOf(plan.target), false, now)
    if (error !== 'deadline-exceeded' || !expected) return
    const passed = now - expected.at
    this.#took(expected.pool, expected, beyond * passed, true)
    if (side !== 'device' || !entry) return
    const { kind, share, device, beside } = expected
    const ran = timings.execute !== undefined || timings.head !== undefined
    if (!ran && (kind === 'answered' || kind === 'after')) {
      this.times.observeUnfinished(entry, share, passed - (timings.device ?? 0), beside)
      return
    }
    if (!ran && kind === 'prepared' && timings.device === undefined) {
      this.times.observeUnprepared(outcome, plan.encoding, passed)
      return
    }
    if (!expected.crosses) return
    this.times.observeNotThrough(entry, 1 - share, expected, passed - device, now)
    this.reach.late(targetOf(plan.target), now)
  }

  /** The pool is told of its own spread alone: not of guesses. What was given up took at least what was predicted. */
  #took(
    pool: string,
    { time, scale, doubt }: Pick<StandIn, 'time' | 'scale' | 'doubt'>,
    took: number,
    givenUp = false,
  ): void {
    if (doubt <= guess) this.onTime.observe(pool, time, givenUp ? Math.max(time, took) : took, scale)
  }

  /** A stand-in that was ended since the other answered says how long it ran at least. */
  #stoodIn(outcome: Outcome, entry: CatalogueEntry, standIn: StandIn | undefined): void {
    const { kind, error, latency, began = 0, timings } = outcome
    const took = latency - began
    if (kind === 'message') {
      this.times.observe(outcome, entry, 1, 0)
      if (standIn) this.#took('answered', standIn, took)
      return
    }
    if (kind !== 'failure') return
    if (timings.execute === undefined && error !== 'refused')
      this.times.observeUnfinished(entry, 1, took - (timings.device ?? 0), 0)
    if (standIn && error !== 'cancelled') this.#took('answered', standIn, beyond * took, true)
  }

  /** Of two models that answered the same message the more accurate one is taken to be right. */
  #judge(pending: Pending, answer: Answer, captured: number, models: Models): void {
    const entry = models.entry(answer.model)
    this.calibration(entry).see(answer.score)
    this.constancy.observe(pending.source, answer.label, entry.accuracy, captured)
    const before = pending.answer
    pending.answer = answer
    if (!before || before.model === answer.model) return
    const other = models.entry(before.model)
    const lesser = other.accuracy <= entry.accuracy ? before : answer
    this.calibration(lesser === before ? other : entry).check(lesser.score, before.label === answer.label)
  }
}

const standInOf = (id: string) => `${id}+`

function targetOf(target: Target | undefined): Target {
  return target ?? 'any'
}
