import TinyQueue from 'tinyqueue'
import {
  BadConfiguration,
  type Cut,
  type Decider,
  type DecisionRequest,
  type Menu,
  type Outcome,
  type Plan,
  type Side,
  type Timings,
  World,
} from '../../pipeline/index.ts'
import { expected } from './duration.ts'
import { Executors } from './executors.ts'
import { blankFrame, type Frame, Frames } from './frame.ts'
import { type SimulatedLink, simulatedLink, Watched } from './link.ts'
import { checked, type Scenario, type ScenarioInput } from './scenario.ts'

/** Who decides: on the device before the wire, in the cloud behind it. */
export interface Policy {
  readonly name: string
  readonly device?: readonly Decider[]
  readonly cloud?: readonly Decider[]
}

export interface ReplayOptions {
  readonly policy: Policy
  readonly seed: number
  /** Frames to be captured. */
  readonly frames: number
  /** Hears of every frame when it is settled; the frame is reused afterwards. */
  readonly onSettled?: (frame: Frame) => void
}

/** What became of all frames. */
export interface ReplayReport {
  readonly frames: number
  readonly onTime: number
  /** Answers that were right and on time; 0 where nobody tells accuracies. */
  readonly right: number
  /** Means per frame. */
  readonly latency: number
  readonly sentBytes: number
  /** Virtual ms from the first capture to the last settlement. */
  readonly ms: number
}

/** What happens to a frame next. */
type Step = (frame: Frame) => void

interface Event {
  at: number
  order: number
  step: Step
  frame: Frame
}

/**
 * Replays a scenario for deciders alone: no bytes, no stages; every frame is decided about by the real deciders, what
 * happens to it is drawn from the scenario, and they observe what came of it, at the time they would. Events happen in
 * order of time, so that frames that overlap queue for device, link and executors. Deterministic: the same seed gives
 * the same frames and the same chances to every policy.
 * @throws BadConfiguration the scenario is none, or a decider leaves nothing to choose
 */
export function replay(scenario: ScenarioInput, options: ReplayOptions): ReplayReport {
  return new Replay(checked(scenario), options).run()
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
  readonly #phone: Executors
  readonly #executors: Executors
  readonly #worlds: { readonly device: World; readonly cloud: World }
  readonly #menus: { readonly device: Menu; readonly cloud: Menu }
  readonly #events = new TinyQueue<Event>([], (a, b) => a.at - b.at || a.order - b.order)
  readonly #blank: Frame[] = []
  readonly #unused: Event[] = []
  #now = 0
  #order = 0
  #captured = 0
  #inFlight = 0
  #onTime = 0
  #right = 0
  #latency = 0
  #sent = 0

  constructor(scenario: Scenario, options: ReplayOptions) {
    const { policy, seed } = options
    const { device, cloud } = scenario
    this.#scenario = scenario
    this.#options = options
    this.#device = policy.device ?? []
    this.#cloud = policy.cloud ?? []
    const learns = ({ observe }: Decider) => observe !== undefined
    this.#learning = { device: this.#device.filter(learns), cloud: this.#cloud.filter(learns) }
    this.#frames = new Frames(scenario, seed)
    this.#link = simulatedLink(scenario.link)
    this.#phone = new Executors(1, device.holds)
    this.#executors = new Executors(cloud.executors, cloud.holds)
    const clock = { now: () => this.#now, after: () => ({ cancel() {} }) }
    this.#worlds = { device: new World(clock), cloud: new World(clock) }
    const above = Object.keys(device.models)
    const below = Object.keys(cloud.models)
    const cuts: readonly Cut[] = above.length > 0 ? ['captured', 'prepared', 'answered'] : ['captured', 'prepared']
    const rest = { encodings: ['jpeg'], targets: ['any'], backups: ['none'] } as const
    const all = below.length > 0 ? [...new Set([...below, ...above])] : above
    this.#menus = {
      device: { models: all, cuts, ...rest },
      cloud: { models: below, cuts: ['answered'], ...rest },
    }
  }

  run(): ReplayReport {
    this.#at(0, this.#capture, this.#fresh())
    for (let event = this.#events.pop(); event; event = this.#events.pop()) {
      const { at, step, frame } = event
      this.#unused.push(event)
      this.#now = at
      step(frame)
    }
    const { frames } = this.#options
    return {
      frames,
      onTime: this.#onTime,
      right: this.#right,
      latency: this.#latency / frames,
      sentBytes: this.#sent / frames,
      ms: this.#now,
    }
  }

  readonly #capture: Step = (frame) => {
    const { captures } = this.#scenario
    this.#frames.next(frame, this.#now)
    this.#captured++
    this.#worlds.device.set('inFlight', ++this.#inFlight, 'replay')
    if (captures.arrive.kind !== 'when-settled') this.#captureNext()
    const menu = this.#narrowed(this.#device, this.#request(frame, 'device'), this.#menus.device, 'device')
    frame.plan = planOf(menu)
    frame.cut = frame.plan.cut ?? (menu.cuts[0] as Cut)
    frame.model = menu.models.length === 1 || this.#cloud.length === 0 ? menu.models[0] : undefined
    if (frame.cut === 'captured') {
      frame.sent = frame.bytes
      this.#upload(frame)
    } else this.#prepare(frame)
  }

  /** On the device, behind what it does already. */
  #prepare(frame: Frame): void {
    const { prepare, models, load } = this.#scenario.device
    const turn = this.#phone.occupy(this.#now, expected(prepare, frame.bytes) * frame.fate.device)
    frame.waited = turn.began - this.#now
    frame.device = turn.ended - turn.began
    if (frame.cut !== 'answered') {
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
      expected(runs, 0) * frame.fate.deviceRun,
    )
    frame.queue = ran.began - ended
    frame.load = ran.load
    frame.run = ran.ended - ran.began - ran.load
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
      const menu = this.#narrowed(this.#cloud, this.#request(frame, 'cloud'), this.#menus.cloud, 'cloud')
      frame.model = menu.models[0]
      frame.plan = { ...frame.plan, ...(frame.model === undefined ? {} : { model: frame.model }) }
    }
    frame.cloud = expected(this.#scenario.cloud.prepare, frame.sent) * frame.fate.cloud
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
      expected(runs, 0) * frame.fate.run,
    )
    frame.queue = turn.began - this.#now
    frame.load = turn.load
    frame.run = turn.ended - turn.began - turn.load
    this.#at(turn.ended, this.#answer, frame)
  }

  readonly #answer: Step = (frame) => {
    if (this.#learning.cloud.length > 0) this.#observe(this.#outcome(frame, 'cloud'), 'cloud')
    const back = this.#link.down(frame, this.#now)
    frame.down = back - this.#now
    this.#at(back, this.#settle, frame)
  }

  readonly #settle: Step = (frame) => {
    const { deadline, accuracy, captures } = this.#scenario
    frame.latency = this.#now - frame.captured
    frame.onTime = frame.latency <= deadline
    const chance = frame.model === undefined ? undefined : accuracy[frame.model]
    frame.right = chance === undefined ? undefined : frame.fate.hard < chance
    const world = this.#worlds.device
    this.#worlds.device.set('inFlight', --this.#inFlight, 'replay')
    if (this.#learning.device.length > 0) {
      if (frame.sent > 0) world.set('link', this.#watched.observe(frame.sent, frame.up, frame.down), 'replay')
      this.#observe(this.#outcome(frame, 'device'), 'device')
    }
    if (frame.onTime) this.#onTime++
    if (frame.onTime && frame.right) this.#right++
    this.#latency += frame.latency
    this.#sent += frame.sent
    this.#options.onSettled?.(frame)
    if (captures.arrive.kind === 'when-settled') this.#captureNext()
    this.#blank.push(frame)
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

  #request(frame: Frame, side: Side): DecisionRequest {
    const { deadline } = this.#scenario
    const elapsed = this.#now - frame.captured
    return {
      id: frame.id,
      source: 'device.main',
      seq: frame.seq,
      side,
      at: side === 'device' ? 'captured' : frame.cut,
      bytes: side === 'device' ? frame.bytes : frame.sent,
      width: undefined,
      height: undefined,
      elapsed,
      remaining: deadline - elapsed,
      deadline,
      way: frame.way,
      now: this.#now,
      plan: side === 'device' ? open : frame.plan,
      attempt: 1,
      tried: none,
    }
  }

  #outcome(frame: Frame, side: Side): Outcome {
    const latency = this.#now - frame.captured
    const crossed = frame.sent > 0
    return {
      id: frame.id,
      side,
      now: this.#now,
      kind: 'message',
      attempt: 1,
      settled: true,
      score: undefined,
      plan: frame.plan,
      timings: timingsOf(frame, side),
      crossing:
        crossed && side === 'device'
          ? { at: frame.cut, encoding: 'jpeg', bytes: frame.sent, node: 'cloud' }
          : undefined,
      way: side === 'cloud' ? frame.way : undefined,
      bytes: side === 'device' ? frame.bytes : frame.sent,
      width: undefined,
      height: undefined,
      latency,
      onTime: latency <= this.#scenario.deadline,
      error: undefined,
    }
  }

  #observe(outcome: Outcome, side: Side): void {
    for (const decider of this.#learning[side]) decider.observe?.(outcome, this.#worlds[side])
  }

  #fresh(): Frame {
    return this.#blank.pop() ?? blankFrame()
  }

  #at(at: number, step: Step, frame: Frame): void {
    const event = this.#unused.pop() ?? { at, order: 0, step, frame }
    event.at = at
    event.order = this.#order++
    event.step = step
    event.frame = frame
    this.#events.push(event)
  }
}

const open: Plan = {}
const none: DecisionRequest['tried'] = []

function planOf({ models, cuts }: Menu): Plan {
  const model = models.length === 1 ? models[0] : undefined
  const cut = cuts.length === 1 ? cuts[0] : undefined
  if (model === undefined) return cut === undefined ? open : { cut }
  return cut === undefined ? { model } : { model, cut }
}

/** As the pipeline books it: the wait and the load are shares of `execute`. */
function timingsOf({ device, up, down, cloud, queue, load, run, sent, model }: Frame, side: Side): Timings {
  const crossed = sent > 0 && side === 'device'
  const transfer = up + down
  if (model === undefined) return crossed ? { capture: 0, device, transfer, cloud } : { capture: 0, device, cloud }
  const execute = queue + load + run
  return crossed
    ? { capture: 0, device, transfer, cloud, execute, queue, load }
    : { capture: 0, device, cloud, execute, queue, load }
}
