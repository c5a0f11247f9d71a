import {
  BadConfiguration,
  type Cut,
  type Decider,
  type DecisionRequest,
  layerOf,
  type Menu,
  type Outcome,
  type Side,
  World,
} from '../../pipeline/index.ts'
import { Agenda } from './agenda.ts'
import { expected } from './duration.ts'
import { Executors } from './executors.ts'
import { blankFrame, type Frame, Frames } from './frame.ts'
import { backupOutcome, outcomeOf, planOf, requestOf } from './hearing.ts'
import { type SimulatedLink, simulatedLink, Watched } from './link.ts'
import { menusOf } from './menus.ts'
import { CloudSlowdown, partOf } from './parting.ts'
import { assertReplayOptions, type Insight, insightInto, type ReplayOptions, type ReplayReport } from './policy.ts'
import { Prober } from './prober.ts'
import { checked, type LayerCut, type Scenario, type ScenarioInput } from './scenario.ts'
import { standIn } from './stand-in.ts'
import { Tally } from './tally.ts'

/** What happens to a frame next. */
type Step = (frame: Frame) => void

/**
 * Replays a scenario for deciders alone: no bytes, no stages; every frame is decided about by the real deciders, what
 * happens to it is drawn from the scenario, and they observe what came of it, at the time they would. Events happen in
 * order of time, so that frames that overlap queue for device, link and executors. Deterministic: the same seed gives
 * the same frames and the same chances to every policy.
 * @throws BadConfiguration the scenario is none, or a decider leaves nothing to choose
 */
export function replay(scenario: ScenarioInput, options: ReplayOptions): ReplayReport {
  const conditions = checked(scenario)
  assertReplayOptions(options)
  return new Replay(conditions, options).run()
}

class Replay {
  readonly #scenario: Scenario
  readonly #options: ReplayOptions
  readonly #device: readonly Decider[]
  readonly #cloud: readonly Decider[]
  /** Those of them who want to know what came of it. */
  readonly #learning: Readonly<Record<Side, readonly Decider[]>>
  readonly #frames: Frames
  readonly #link: SimulatedLink
  readonly #watched = new Watched()
  readonly #prober: Prober
  readonly #phone: Executors
  readonly #executors: Executors
  readonly #slowdown: CloudSlowdown
  readonly #worlds: { readonly device: World; readonly cloud: World }
  readonly #menus: { readonly device: Menu; readonly cloud: Menu }
  readonly #agenda = new Agenda<Frame>()
  readonly #tally = new Tally()
  readonly #blank: Frame[] = []
  /** Frames whose backup may still have to begin or end, as well as their answer. */
  readonly #holds = new Map<Frame, number>()
  #decided = blankFrame()
  #captured = 0
  #inFlight = 0

  constructor(scenario: Scenario, options: ReplayOptions) {
    const { seed } = options
    const { device, cloud } = scenario
    this.#scenario = scenario
    this.#options = options
    this.#frames = new Frames(scenario, seed)
    this.#link = simulatedLink(scenario.link, seed)
    this.#phone = new Executors(1, device.holds)
    this.#executors = new Executors(cloud.executors, cloud.holds)
    this.#slowdown = new CloudSlowdown(cloud)
    const policy = typeof options.policy === 'function' ? options.policy(this.#insight()) : options.policy
    this.#device = policy.device ?? []
    this.#cloud = policy.cloud ?? []
    const learns = ({ observe }: Decider) => observe !== undefined
    this.#learning = { device: this.#device.filter(learns), cloud: this.#cloud.filter(learns) }
    this.#prober = this.#probing()
    const clock = { now: () => this.#now, after: () => ({ cancel() {} }) }
    this.#worlds = { device: new World(clock), cloud: new World(clock) }
    this.#menus = menusOf(scenario)
  }

  run(): ReplayReport {
    this.#at(0, this.#capture, this.#fresh())
    this.#agenda.run()
    return this.#tally.report(this.#options.frames)
  }

  get #now(): number {
    return this.#agenda.now
  }

  readonly #capture: Step = (frame) => {
    const { captures, window, deadline } = this.#scenario
    this.#frames.next(frame, this.#now)
    this.#captured++
    if (captures.arrive.kind !== 'when-settled') this.#captureNext()
    if (this.#inFlight >= window) return this.#drop(frame)
    this.#worlds.device.set('inFlight', ++this.#inFlight, 'replay')
    const request = requestOf(frame, 'device', this.#now, deadline)
    this.#decided = frame
    const menu = this.#narrowed(this.#device, request, this.#menus.device, 'device')
    frame.plan = planOf(menu)
    frame.cut = frame.plan.cut ?? (menu.cuts[0] as Cut)
    frame.model = menu.models.length === 1 || this.#cloud.length === 0 ? menu.models[0] : undefined
    if (this.#learning.device.length > 0) this.#prober.passed(frame.bytes, frame.cut !== 'answered')
    const { backup, backupAfter = 0 } = frame.plan
    if (backup?.startsWith('model:') && frame.cut !== 'answered') {
      frame.backup = backup.slice('model:'.length)
      this.#at(frame.captured + backupAfter, this.#standIn, frame)
      this.#held(frame)
    }
    if (frame.cut === 'captured') {
      frame.sent = frame.bytes
      this.#upload(frame)
    } else this.#prepare(frame, partOf(frame, this.#scenario))
  }

  #drop(frame: Frame): void {
    frame.shown = 'dropped'
    frame.latency = Number.POSITIVE_INFINITY
    this.#tally.drop()
    this.#options.onSettled?.(frame)
    this.#blank.push(frame)
  }

  /** The model of the device that stands in begins, unless the planned answer has come. */
  readonly #standIn: Step = (frame) => {
    if (frame.planned > 0) return this.#release(frame)
    const { ended, took } = standIn(frame, this.#scenario, this.#phone, this.#now)
    this.#at(
      ended,
      (done) => {
        if (this.#learning.device.length > 0)
          this.#observe(backupOutcome(done, this.#now, this.#scenario.deadline, took), 'device')
        this.#release(done)
      },
      frame,
    )
  }

  #held(frame: Frame): void {
    this.#holds.set(frame, 1 + (this.#holds.get(frame) ?? 0))
  }

  /** A frame is used again when neither its answer nor its backup is still to come. */
  #release(frame: Frame): void {
    const left = this.#holds.get(frame)
    if (left === undefined) this.#blank.push(frame)
    else this.#holds.delete(frame)
  }

  /** On the device, behind what it does already. */
  #prepare(frame: Frame, part: LayerCut | undefined): void {
    const { prepare, models, load } = this.#scenario.device
    const turn = this.#phone.occupy(this.#now, expected(prepare, frame.bytes) * frame.fate.device)
    frame.waited = turn.began - this.#now
    frame.device = turn.ended - turn.began
    if (frame.cut !== 'answered' && part === undefined) {
      frame.sent = frame.prepared
      this.#at(turn.ended, this.#upload, frame)
      return
    }
    const model = frame.model ?? ''
    const runs = models[model]
    if (!runs) throw new BadConfiguration(`The device cannot run "${model}". Narrow the menu to what it holds.`)
    const { ended } = turn
    const ran = this.#phone.run(
      model,
      ended,
      load && expected(load, 0) * frame.fate.deviceLoad,
      expected(runs, 0) * frame.fate.deviceRun * (part?.before ?? 1),
    )
    frame.queue = ran.began - ended
    frame.load = ran.load
    const took = ran.ended - ran.began - ran.load
    if (part) {
      frame.head = took
      frame.sent = part.bytes
      this.#at(ran.ended, this.#upload, frame)
      return
    }
    frame.run = took
    this.#at(ran.ended, this.#settle, frame)
  }

  readonly #upload: Step = (frame) => {
    const arrives = this.#link.up(frame, this.#now)
    frame.up = arrives - this.#now
    this.#at(arrives, this.#arrive, frame)
  }

  readonly #arrive: Step = (frame) => {
    frame.way = { up: frame.up, down: this.#link.expectedDown(frame) }
    if (frame.model === undefined && this.#menus.cloud.models.length > 0) {
      const request = requestOf(frame, 'cloud', this.#now, this.#scenario.deadline)
      this.#decided = frame
      const menu = this.#narrowed(this.#cloud, request, this.#menus.cloud, 'cloud')
      frame.model = menu.models[0]
      frame.plan = { ...frame.plan, ...(frame.model === undefined ? {} : { model: frame.model }) }
    }
    // Activations are what the model goes on with: there is nothing to prepare.
    const prepares = layerOf(frame.cut) === undefined
    frame.cloud = prepares ? expected(this.#scenario.cloud.prepare, frame.sent) * frame.fate.cloud : 0
    if (frame.model === undefined) this.#at(this.#now + frame.cloud, this.#answer, frame)
    else this.#at(this.#now + frame.cloud, this.#execute, frame)
  }

  readonly #execute: Step = (frame) => {
    const { models, load } = this.#scenario.cloud
    const model = frame.model ?? ''
    const runs = models[model]
    if (!runs) throw new BadConfiguration(`The cloud cannot run "${model}". Narrow the menu to what it holds.`)
    const turn = this.#executors.run(
      model,
      this.#now,
      load && expected(load, 0) * frame.fate.cloudLoad,
      expected(runs, 0) * frame.fate.run * (partOf(frame, this.#scenario)?.behind ?? 1) * this.#slowdown.at(this.#now),
    )
    frame.queue += turn.began - this.#now
    frame.load += turn.load
    frame.run = turn.ended - turn.began - turn.load
    this.#at(turn.ended, this.#answer, frame)
  }

  /** What the device hears from the cloud, where that has anything to say. */
  #heard(): void {
    if (!this.#slowdown.varies) return
    const load = {
      node: 'cloud',
      pending: 0,
      capacity: this.#scenario.cloud.executors,
      slowdown: this.#slowdown.at(this.#now),
    }
    this.#worlds.device.set('cloud', load, 'replay')
  }

  readonly #answer: Step = (frame) => {
    if (this.#learning.cloud.length > 0)
      this.#observe(outcomeOf(frame, 'cloud', this.#now, this.#scenario.deadline), 'cloud')
    const back = this.#link.down(frame, this.#now)
    frame.down = back - this.#now
    this.#at(back, this.#settle, frame)
  }

  readonly #settle: Step = (frame) => {
    const { deadline, accuracy, captures } = this.#scenario
    frame.planned = frame.latency = this.#now - frame.captured
    const stoodIn = frame.planned > deadline && frame.backupAfter <= deadline
    if (stoodIn) {
      frame.shown = 'backup'
      frame.latency = deadline
    }
    frame.onTime = frame.latency <= deadline
    const model = stoodIn ? frame.backup : frame.model
    frame.accuracy = model === undefined ? undefined : accuracy[model]
    frame.right = frame.accuracy === undefined ? undefined : frame.fate.hard < frame.accuracy
    const world = this.#worlds.device
    world.set('inFlight', --this.#inFlight, 'replay')
    if (this.#learning.device.length > 0) {
      if (frame.sent > 0) {
        this.#prober.heard()
        this.#heard()
        world.set('link', this.#watched.observe(frame.sent, frame.up, frame.down), 'replay')
      }
      this.#observe(outcomeOf(frame, 'device', this.#now, deadline), 'device')
    }
    this.#tally.settle(frame, this.#now)
    this.#options.onSettled?.(frame)
    if (captures.arrive.kind === 'when-settled') this.#captureNext()
    this.#release(frame)
  }

  #captureNext(): void {
    if (this.#captured >= this.#options.frames) return
    this.#at(this.#now + this.#frames.pause(), this.#capture, this.#fresh())
  }

  #narrowed(deciders: readonly Decider[], request: DecisionRequest, base: Menu, side: Side): Menu {
    let menu = base
    for (const decider of deciders) {
      menu = decider.decide(request, this.#worlds[side], menu)
      if (menu.cuts.length === 0 || (menu.models.length === 0 && base.models.length > 0)) {
        throw new BadConfiguration(`Decider "${decider.name}" left nothing to choose. It must keep at least one.`)
      }
    }
    return menu
  }

  #observe(outcome: Outcome, side: Side): void {
    for (const decider of this.#learning[side]) decider.observe?.(outcome, this.#worlds[side])
  }

  #insight(): Insight {
    return insightInto({
      scenario: this.#scenario,
      phone: this.#phone,
      executors: this.#executors,
      link: this.#link,
      now: () => this.#now,
      decided: () => this.#decided,
    })
  }

  #probing(): Prober {
    const world = () => this.#worlds.device
    const later = (ms: number, then: () => void) => this.#at(this.#now + ms, then, this.#decided)
    return new Prober({
      now: () => this.#now,
      after: later,
      msPerByte: () => this.#watched.msPerByte,
      send: (bytes, answered) => {
        const { up, down } = this.#link.probe(bytes, this.#now)
        if (Number.isFinite(up + down)) later(up + down, () => answered(up, down))
      },
      found: (probe, up, down) => {
        world().set('link', this.#watched.observe(probe.bytes, up, down), 'replay')
        this.#heard()
        for (const decider of this.#learning.device) decider.probed?.(probe, world())
      },
      failed: (probe) => {
        for (const decider of this.#learning.device) decider.probed?.(probe, world())
      },
    })
  }

  #fresh(): Frame {
    return this.#blank.pop() ?? blankFrame()
  }

  #at(at: number, step: Step, frame: Frame): void {
    this.#agenda.put(at, step, frame)
  }
}
