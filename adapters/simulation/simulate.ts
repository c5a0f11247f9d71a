import { Observable } from 'rxjs'
import { z } from 'zod'
import {
  type Answer,
  BadConfiguration,
  type Capture,
  type Clock,
  type Counts,
  composer,
  decide,
  made,
  type PipelineOptions,
  readOptions,
  type Source,
  type Timer,
} from '../../pipeline/index.ts'
import { execute, preprocess, transfer } from '../../stages/index.ts'
import { constantRate, EmulatedLink, type LinkShape, linkShape, shaped } from '../link/index.ts'
import { memoryBroker } from '../memory/index.ts'
import { virtualClock } from './clock.ts'
import { type Duration, expected, factors } from './duration.ts'
import { Frames } from './frame.ts'
import { modelsOfFigures } from './models.ts'
import type { Policy } from './policy.ts'
import { random } from './random.ts'
import { checked, type Scenario, type ScenarioInput } from './scenario.ts'
import { Studio, slots } from './studio.ts'

export interface SimulateOptions {
  readonly policy: Policy
  readonly seed: number
  /** Frames to be captured. */
  readonly frames: number
  /** Options of the pipeline besides its deadline and clock; late answers are waited for where nothing else is said. */
  readonly pipeline?: Omit<PipelineOptions, 'clock' | 'deadline' | 'models' | 'embedded'>
  /** Hears of every answer. */
  readonly onAnswer?: (answer: Answer) => void
}

/** What became of all frames. */
export interface SimulationReport {
  readonly counts: Counts
  readonly onTime: number
  /** Answers that were right and on time. */
  readonly right: number
  /** Mean over the answers, ms. */
  readonly latency: number
  /** Mean over the answers. */
  readonly sentBytes: number
  /** Virtual ms from the first capture to the last settlement. */
  readonly ms: number
}

const simulateOptions = z.strictObject({
  policy: made<Policy>('a policy'),
  seed: z.number(),
  frames: z.number().int().min(0),
  pipeline: made<NonNullable<SimulateOptions['pipeline']>>('options of the pipeline').optional(),
  onAnswer: made<(answer: Answer) => void>('a function').optional(),
} satisfies Record<keyof SimulateOptions, z.ZodType>)

const compose = composer()

/**
 * Runs a scenario through the pipeline's own stages, boundaries and conversation, on a virtual clock: pictures, engines
 * and executors are stand-ins that take the scenario's times, the transport is the memory one behind an emulated link.
 * Deterministic from its seed; frames and the chances of their work are those of a `replay` of this seed, the link's are drawn as messages are sent.
 * @throws BadConfiguration the scenario is none, or one whose way down copies the way up, or with cuts behind layers or slowdowns
 */
export async function simulate(scenario: ScenarioInput, options: SimulateOptions): Promise<SimulationReport> {
  const conditions = checked(scenario)
  if (Object.keys(conditions.cuts).length > 0 || conditions.cloud.slowdown.length > 0) {
    throw new BadConfiguration(
      'simulate() parts no models and slows no cloud down. Leave cuts and slowdown out, or use replay().',
    )
  }
  const { policy, seed, frames } = readOptions(simulateOptions, options, 'simulate()')
  const clock = virtualClock()
  const link = new EmulatedLink(shapeOf(conditions, seed), clock)
  const broker = memoryBroker({ clock })
  const { device, cloud, accuracy } = conditions
  const ids = [...new Set([...Object.keys(cloud.models), ...Object.keys(device.models)])]
  // Deciders ask for a model even where the scenario has none: then one answers that takes no time.
  const named = ids.length > 0 ? ids : ['any']
  const models = modelsOfFigures(
    named.map((id) => ({
      id,
      accuracy: accuracy[id] ?? 1,
      mean: expected(cloud.models[id] ?? device.models[id] ?? {}, 0),
    })),
  )
  const studio = new Studio(conditions, clock)
  const executors = { device: studio.executors('device'), cloud: studio.executors('cloud') }
  const flow = compose(
    'simulation',
    {
      late: 'answer',
      order: 'none',
      window: conditions.captures.arrive.kind === 'when-settled' ? 1 : 64,
      attempts: 1,
      ...options.pipeline,
      deadline: Math.min(conditions.deadline, longest),
      models,
      clock,
    },
    frameSource(conditions, new Frames(conditions, seed), studio, frames, clock),
    decide(...(policy.device ?? [])),
    preprocess({ images: studio.engine('device'), concurrency: 1 }),
    execute({ executors }),
    transfer({ chunkAbove: Number.MAX_SAFE_INTEGER }),
    decide(...(policy.cloud ?? [])),
    preprocess({ images: studio.engine('cloud'), concurrency: slots }),
    execute({ executors }),
  )
  const played = play()
  return clock.drive(played)

  async function play(): Promise<SimulationReport> {
    const transport = shaped(broker.connect({ clock }), link)
    const below = broker.connect({ clock })
    const served = await flow.cloud(below, { node: 'cloud', executors: cloud.executors, capacity: slots })
    const running = await flow.device(transport, { node: 'device' })
    const sum = { onTime: 0, right: 0, latency: 0, bytes: 0, answers: 0 }
    for await (const answer of running) {
      sum.answers++
      sum.latency += answer.latency
      sum.bytes += answer.bytes
      if (answer.onTime) sum.onTime++
      if (answer.onTime && answer.label === 'right') sum.right++
      options.onAnswer?.(answer)
    }
    const ms = clock.now()
    const counts = await running.done
    await served.drain()
    await transport.drain()
    await below.drain()
    link.close()
    return {
      counts,
      onTime: sum.onTime,
      right: sum.right,
      latency: sum.latency / sum.answers,
      sentBytes: sum.bytes / sum.answers,
      ms,
    }
  }
}

/** A pipeline's deadline cannot be longer, ms. */
const longest = 86_400_000

/** Frames when they are due, or the next when the last is settled. */
function frameSource(scenario: Scenario, frames: Frames, studio: Studio, count: number, clock: Clock): Source {
  const next = (): Capture => ({ payload: studio.picture(frames, clock.now()) })
  if (scenario.captures.arrive.kind === 'when-settled') {
    return {
      name: 'simulated',
      kind: 'pull',
      async *open() {
        for (let n = 0; n < count; n++) {
          const ms = n > 0 ? frames.pause() : 0
          if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve))
          yield next()
        }
      },
    }
  }
  return {
    name: 'simulated',
    kind: 'live',
    open: () =>
      new Observable((subscriber) => {
        let shown = 0
        let timer: Timer | undefined
        const show = () => {
          subscriber.next(next())
          if (++shown < count) timer = clock.after(frames.pause(), show)
          else subscriber.complete()
        }
        timer = clock.after(0, show)
        return () => timer?.cancel()
      }),
  }
}

/** The scenario's link, as what the transport is put behind. */
function shapeOf({ link, captures }: Scenario, seed: number): LinkShape {
  if (link.kind === 'rates') {
    const { up, down, delay, from } = link
    return linkShape({ up, down, delay, from })
  }
  if (link.legs === 'one') {
    throw new BadConfiguration('A link whose way down copies the way up has no real counterpart. Replay it.')
  }
  const way = (of: Duration, name: string) => {
    const factor = factors(of.variation, random(seed, name))
    // Signs of life and acknowledgements are as quick as an empty message.
    return (bytes: number) => expected(of, bytes) * factor()
  }
  const rate = constantRate(Number.POSITIVE_INFINITY)
  const overtake = captures.arrive.kind !== 'when-settled'
  return {
    up: { rate, delay: way(link.up, 'up'), overtake },
    down: { rate, delay: way({ ...link.down, perMegabyte: 0 }, 'down'), overtake },
  }
}
