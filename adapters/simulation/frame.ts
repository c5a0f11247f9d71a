import type { Cut, Plan, Way } from '../../pipeline/index.ts'
import { factors } from './duration.ts'
import { type Random, random } from './random.ts'
import type { Scenario } from './scenario.ts'

/** One captured frame on its simulated way; times are ms of the virtual clock. Reused: copy what is to be kept. */
export interface Frame {
  /** From 0. */
  seq: number
  id: string
  captured: number
  /** Bytes as captured, as prepared, and as sent up (0: nothing was). */
  bytes: number
  prepared: number
  sent: number
  plan: Plan
  cut: Cut
  model: string | undefined
  /** ms it waited for the device; a stage books its work alone, so that no decider is told of it. */
  waited: number
  /** ms: preparing on the device, a model's layers before the wire, up, preparing in the cloud, waiting for an executor, loading, running, down. */
  device: number
  head: number
  up: number
  cloud: number
  queue: number
  load: number
  run: number
  down: number
  way: Way | undefined
  /** The model that stood in on the device, ms from capture to its answer, and ms that it kept the device busy. */
  backup: string | undefined
  backupAfter: number
  backupWork: number
  /** Dropped: no place was free when it was captured. `backup`: at the deadline, as the planned answer was not there. */
  shown: 'planned' | 'backup' | 'dropped'
  /** ms from capture to the planned answer, and to the one that is shown. */
  planned: number
  latency: number
  onTime: boolean
  /** The chance that the answer that is shown is right, and whether it was; undefined where the scenario does not tell. */
  accuracy: number | undefined
  right: boolean | undefined
  /** What chance has in store for it, whatever is decided: factors of times, and how hard it is, 0…1. */
  readonly fate: {
    device: number
    deviceRun: number
    up: number
    down: number
    cloud: number
    run: number
    deviceLoad: number
    cloudLoad: number
    hard: number
  }
}

/** A frame before anything is known of it. */
export function blankFrame(): Frame {
  return {
    seq: 0,
    id: '',
    captured: 0,
    bytes: 0,
    prepared: 0,
    sent: 0,
    plan: {},
    cut: 'captured',
    model: undefined,
    waited: 0,
    device: 0,
    head: 0,
    up: 0,
    cloud: 0,
    queue: 0,
    load: 0,
    run: 0,
    down: 0,
    way: undefined,
    backup: undefined,
    backupAfter: Number.POSITIVE_INFINITY,
    backupWork: 0,
    shown: 'planned',
    planned: 0,
    latency: 0,
    onTime: false,
    accuracy: undefined,
    right: undefined,
    fate: { device: 1, deviceRun: 1, up: 1, down: 1, cloud: 1, run: 1, deviceLoad: 1, cloudLoad: 1, hard: 0 },
  }
}

/** The frames of a scenario, and what chance does to each: the same for the same seed, whatever any policy decides. */
export class Frames {
  readonly #scenario: Scenario
  readonly #size: () => number
  readonly #pause: () => number
  readonly #fate: Readonly<Record<keyof Frame['fate'], () => number>>
  #count = 0

  constructor(scenario: Scenario, seed: number) {
    const { captures, device, cloud, link } = scenario
    const stream = (name: string) => random(seed, name)
    this.#scenario = scenario
    this.#size = sizes(captures.bytes, stream('bytes'))
    this.#pause = pauses(captures.arrive, stream('arrivals'))
    // Models share their side's run factor: one variation for all, drawn for the first that has any.
    const ran = (models: Scenario['device']['models']) =>
      Object.values(models).find((of) => of.variation !== undefined)?.variation
    const times = link.kind === 'times' ? link : undefined
    const up = factors(times?.up.variation, stream('up'))
    const hard = stream('hard')
    this.#fate = {
      device: factors(device.prepare.variation, stream('device')),
      deviceRun: factors(ran(device.models), stream('device run')),
      up,
      down: factors(times?.down.variation, stream('down')),
      cloud: factors(cloud.prepare.variation, stream('cloud')),
      run: factors(ran(cloud.models), stream('run')),
      deviceLoad: factors(device.load?.variation, stream('device load')),
      cloudLoad: factors(cloud.load?.variation, stream('load')),
      hard: hard.uniform,
    }
  }

  /** ms from one capture to the next. */
  pause(): number {
    return this.#pause()
  }

  /** Makes the next frame, captured at that time. */
  next(frame: Frame, captured: number): void {
    const { preparedBytes } = this.#scenario.captures
    frame.seq = this.#count++
    frame.id = `m${frame.seq}`
    frame.captured = captured
    frame.bytes = this.#size()
    frame.prepared = Math.min(preparedBytes, frame.bytes)
    frame.sent = 0
    frame.model = undefined
    frame.waited =
      frame.device =
      frame.head =
      frame.up =
      frame.cloud =
      frame.queue =
      frame.load =
      frame.run =
      frame.down =
        0
    frame.way = undefined
    frame.backup = undefined
    frame.backupAfter = Number.POSITIVE_INFINITY
    frame.backupWork = 0
    frame.shown = 'planned'
    frame.planned = frame.latency = 0
    frame.onTime = false
    frame.accuracy = frame.right = undefined
    const { fate } = frame
    const drawn = this.#fate
    fate.device = drawn.device()
    fate.deviceRun = drawn.deviceRun()
    fate.up = drawn.up()
    fate.down = drawn.down()
    fate.cloud = drawn.cloud()
    fate.run = drawn.run()
    fate.deviceLoad = drawn.deviceLoad()
    fate.cloudLoad = drawn.cloudLoad()
    fate.hard = drawn.hard()
  }
}

function sizes(of: Scenario['captures']['bytes'], { uniform, normal }: Random): () => number {
  switch (of.kind) {
    case 'constant':
      return () => of.bytes
    case 'uniform':
      return () => Math.max(1, Math.round(of.from + (of.to - of.from) * uniform()))
    case 'lognormal':
      return () => Math.max(1, Math.min(of.most, Math.round(of.median * Math.exp(of.sigma * normal()))))
  }
}

function pauses(arrive: Scenario['captures']['arrive'], { exponential }: Random): () => number {
  switch (arrive.kind) {
    case 'when-settled':
      return () => arrive.pause
    case 'every':
      return () => arrive.ms
    case 'poisson':
      return () => arrive.ms * exponential()
  }
}
