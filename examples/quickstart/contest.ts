import { EmulatedLink, shaped } from '../../adapters/link/index.ts'
import {
  type Answer,
  type Capture,
  type Counts,
  capture,
  decide,
  imageEngine,
  type Models,
  memoryBroker,
  type Pipeline,
  picture,
  pipeline,
  preprocess,
  processExecutors,
  type RunningDevice,
  threadExecutors,
  transfer,
} from '../../adapters/node/index.ts'
import { anyLayer, type Clock, type Decider, sleep, systemClock } from '../../pipeline/index.ts'
import { EnergyModel, type ExecutorFactory, execute, type ImageEngine } from '../../stages/index.ts'
import { type Phase, phaseAt, play } from './network.ts'
import { Phone, type PhoneTimes } from './phone.ts'
import type { Policy } from './policies.ts'

/** A picture that the camera will show, and what is on it. */
export interface Shot {
  readonly jpeg: Uint8Array
  readonly label: string
}

/** What became of one frame under one policy. */
export interface Seen {
  readonly seq: number
  /** ms from the first frame. */
  readonly at: number
  readonly phase: string
  readonly end: 'answer' | 'failure' | 'dropped'
  /** Where the wire was; absent where nothing answered. */
  readonly place?: string
  readonly model?: string
  readonly backup?: boolean
  /** ms from capture to the answer. */
  readonly latency?: number
  readonly onTime: boolean
  /** The answer was right, in time or not. */
  readonly right: boolean
  readonly reason?: string
}

/** One policy's run. */
export interface Course {
  readonly policy: Policy
  readonly frames: readonly Seen[]
  readonly counts: Counts
  /** Bytes through the uplink, headers and probes included. */
  readonly bytes: number
  /** Millijoules beyond what an idle phone takes: processor and radio. */
  readonly energy: number
}

/** What prepares pictures and runs models, made anew for each half. */
export interface Engines {
  phone(): { readonly images: ImageEngine; readonly executors: ExecutorFactory }
  cloud(): { readonly images: ImageEngine; readonly executors: ExecutorFactory }
}

const real: Engines = {
  phone: () => ({ images: imageEngine(), executors: threadExecutors() }),
  cloud: () => ({ images: imageEngine(), executors: processExecutors() }),
}

export interface ContestOptions {
  readonly shots: readonly Shot[]
  readonly policies: readonly Policy[]
  readonly models: Models
  readonly phases: readonly Phase[]
  readonly times: PhoneTimes
  /** Frames a second. */
  readonly rate: number
  /** Deadline, ms. */
  readonly sla: number
  readonly clock?: Clock
  /** What works for all phones and the cloud. Default: real models and pictures, in threads and processes. */
  readonly engines?: Engines
  /** Hears of each answer. */
  readonly onAnswer?: (policy: Policy, seen: Seen) => void
  /** Hears that all phones stand and the camera begins. */
  readonly onBegin?: (running: readonly RunningDevice[]) => void
}

/**
 * One camera, one cloud, and for each policy a phone behind its own copy of the same emulated link: all see the same
 * frames at the same time.
 */
export async function contest(options: ContestOptions): Promise<readonly Course[]> {
  const { policies, phases, clock = systemClock, engines = real } = options
  const broker = memoryBroker({ clock })
  const below = broker.connect({ clock })
  const cloud = await flow(options, [], undefined).cloud(below, { node: 'cloud' })
  const firstShape = (phases[0] as Phase).link
  const phones = policies.map((policy) => {
    const { images, executors } = engines.phone()
    const phone = new Phone(images, executors, options.times, clock)
    return { policy, phone, link: new EmulatedLink(firstShape, clock) }
  })
  const camera = new Camera(options)
  const transports = phones.map(({ link }) => shaped(broker.connect({ clock }), link))
  try {
    const running = await Promise.all(
      phones.map(({ policy, phone }, index) =>
        flow(options, camera.frames(index), { policy, phone }).device(transports[index] as never, {
          node: `phone-${index}`,
        }),
      ),
    )
    options.onBegin?.(running)
    const links = phones.map(({ link }) => link)
    const end = play(phases, links, clock)
    camera.begin(clock.now())
    const meters = phones.map(({ link, phone }) => new Meter(link, phone, phases, clock))
    try {
      return await Promise.all(
        phones.map(async ({ policy }, index) => {
          const device = running[index] as RunningDevice
          const seen = await watched(device, policy, options, camera)
          const counts = await device.done
          return { policy, frames: seen, counts, ...(meters[index] as Meter).read() }
        }),
      )
    } finally {
      end()
      for (const meter of meters) meter.close()
      await Promise.all(running.map((device) => device.drain()))
    }
  } finally {
    await Promise.all(transports.map((transport) => transport.drain()))
    for (const { link } of phones) link.close()
    await cloud.drain()
    await below.drain()
  }
}

/** Leaves models in one piece: the story is about places and models. */
const whole: Decider = {
  name: 'whole models',
  decide: (_request, _world, menu) => ({ ...menu, cuts: menu.cuts.filter((cut) => cut !== anyLayer) }),
}

/** The pipeline; only the deciders and the emulated phone differ. */
function flow(
  { models, sla, clock = systemClock, engines = real }: ContestOptions,
  frames: AsyncIterable<Capture> | Iterable<Capture>,
  half: { readonly policy: Policy; readonly phone: Phone } | undefined,
): Pipeline {
  const there = engines.cloud()
  const here = half?.phone ?? engines.phone()
  const executors = { device: here.executors, cloud: there.executors }
  return pipeline(
    'quickstart',
    { models, deadline: sla, late: 'answer', patience: 2000, window: 4, order: 'none', clock },
    capture(frames, { live: true }),
    decide(...(half ? [whole, half.policy.decider()] : [])),
    preprocess({ images: here.images, concurrency: 1 }),
    execute({ executors, warm: 'all' }),
    // Who learns nothing needs no probes.
    transfer(half?.policy.decides === false ? { probe: false } : {}),
    preprocess({ images: there.images }),
    execute({ executors, warm: 'all' }),
  )
}

/** Shows every phone the same frames when they are due, from when all phones stand. */
class Camera {
  readonly #options: ContestOptions
  #begin: (now: number) => void = () => {}
  readonly #begun = new Promise<number>((resolve) => {
    this.#begin = resolve
  })

  constructor(options: ContestOptions) {
    this.#options = options
  }

  begin(now: number): void {
    this.#begin(now)
  }

  /** When a frame is due, ms from the first. */
  due(seq: number): number {
    return (1000 * seq) / this.#options.rate
  }

  async *frames(phone: number): AsyncGenerator<Capture> {
    const { shots, clock = systemClock } = this.#options
    const begun = await this.#begun
    for (const [seq, { jpeg }] of shots.entries()) {
      const wait = begun + this.due(seq) - clock.now()
      if (wait > 0) await sleep(clock, wait)
      yield { id: `${phone}-${seq}`, payload: picture(jpeg) }
    }
  }
}

async function watched(
  device: RunningDevice,
  policy: Policy,
  { shots, phases, sla, onAnswer }: ContestOptions,
  camera: Camera,
): Promise<readonly Seen[]> {
  const seen: Seen[] = []
  const about = (id: string) => {
    const seq = Number(id.split('-')[1])
    const at = camera.due(seq)
    return { seq, at, phase: phaseAt(phases, at).name }
  }
  const settled = device.events.stream.subscribe((event) => {
    if (event.type !== 'settled' || event.item.kind === 'message') return
    const { item } = event
    const reason = item.kind === 'failure' ? item.error.message : item.reason
    seen.push({ ...about(item.id), end: item.kind, onTime: false, right: false, reason })
  })
  try {
    for await (const answer of device.answers) {
      const one = { ...about(answer.id), ...told(answer, sla, shots) }
      seen.push(one)
      onAnswer?.(policy, one)
    }
  } finally {
    settled.unsubscribe()
  }
  return seen.sort((a, b) => a.seq - b.seq)
}

function told(answer: Answer, sla: number, shots: readonly Shot[]) {
  const { place, model, backup, latency, label, id } = answer
  const right = label === shots[Number(id.split('-')[1])]?.label
  return { end: 'answer' as const, place, model, backup, latency, onTime: latency <= sla, right }
}

/** Counts a phone's energy: its processor's by how long it was busy, its radio's by what passed in which phase. */
class Meter {
  readonly #link: EmulatedLink
  readonly #phone: Phone
  readonly #timers: readonly { cancel(): void }[]
  #spent = 0
  #counted = 0
  #phase: Phase

  constructor(link: EmulatedLink, phone: Phone, phases: readonly Phase[], clock: Clock) {
    this.#link = link
    this.#phone = phone
    this.#phase = phases[0] as Phase
    this.#timers = phases.map((phase) =>
      clock.after(phase.from, () => {
        this.#count()
        this.#phase = phase
      }),
    )
  }

  read(): { readonly bytes: number; readonly energy: number } {
    this.#count()
    const { computing, waiting } = new EnergyModel()
    return {
      bytes: this.#link.up.passed,
      energy: this.#spent + (this.#phone.busy * (computing - waiting)) / 1000,
    }
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel()
  }

  #count(): void {
    const bytes = this.#link.up.passed - this.#counted
    this.#counted += bytes
    const { radio, uplink } = this.#phase
    this.#spent += new EnergyModel({ radio }).upload(bytes, uplink)
  }
}
