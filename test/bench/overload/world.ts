import { Observable } from 'rxjs'
import { EmulatedLink, linkShape, shaped } from '../../../adapters/link/index.ts'
import { memoryBroker } from '../../../adapters/memory/index.ts'
import { Frames } from '../../../adapters/simulation/frame.ts'
import { modelsOfFigures, virtualClock } from '../../../adapters/simulation/index.ts'
import { checked } from '../../../adapters/simulation/scenario.ts'
import { type Clock, type Counts, composer, decide, fixed, type Source, type Timer } from '../../../pipeline/index.ts'
import { execute, preprocess, transfer } from '../../../stages/index.ts'
import { decoders, devices, type Point, scenarioOf } from './point.ts'
import { StandIns } from './stand-ins.ts'

/** What became of all frames of a point. */
export interface Tally {
  readonly counts: Counts
  readonly onTime: number
  /** Failures by their code. */
  readonly failures: Readonly<Record<string, number>>
}

const compose = composer()

/** Plays a point through the real stages, boundaries and conversation on a virtual clock: `seconds` of captures. */
export function play(point: Point, seed: number, seconds: number): Promise<Tally> {
  const clock = virtualClock()
  return clock.drive(run(point, seed, seconds, clock))
}

async function run(point: Point, seed: number, seconds: number, clock: Clock): Promise<Tally> {
  const scenario = checked(scenarioOf(point))
  const studio = new StandIns(scenario, clock)
  const executors = { device: studio.executors('device'), cloud: studio.executors('cloud') }
  const broker = memoryBroker({ clock })
  const failures: Record<string, number> = {}
  const pipelineOf = (source: Source) =>
    compose(
      'overload',
      {
        deadline: point.deadline,
        ...(point.window === undefined ? {} : { window: point.window }),
        models: modelsOfFigures([{ id: 'one', accuracy: 1, mean: 0 }]),
        clock,
      },
      source,
      decide(fixed({ model: 'one', cut: point.bound === 'stage' ? 'prepared' : 'captured' })),
      preprocess({ images: studio.engine('device'), concurrency: 1 }),
      execute({ executors }),
      transfer({ probe: false }),
      preprocess({ images: studio.engine('cloud'), concurrency: decoders }),
      execute({ executors }),
    )
  const below = broker.connect({ clock })
  const cloud = pipelineOf({ name: 'nothing', kind: 'pull', async *open() {} })
  const served = await cloud.cloud(below, { node: 'cloud', executors: scenario.cloud.executors })
  const played = await Promise.all(
    Array.from({ length: devices }, async (_, number) => {
      const { link } = scenario
      if (link.kind !== 'rates') throw new TypeError('Points have links of rates.')
      const { up, down, delay, from } = link
      const emulated = new EmulatedLink(linkShape({ up, down, delay, from }), clock)
      const transport = shaped(broker.connect({ clock }), emulated)
      const frames = new Frames(scenario, 1000 * seed + number)
      const device = await pipelineOf(camera(frames, studio, seconds, clock)).device(transport, {
        node: `device-${number}`,
      })
      device.events.stream.subscribe((event) => {
        if (event.type !== 'settled' || event.item.kind !== 'failure') return
        const { code } = event.item.error
        failures[code] = (failures[code] ?? 0) + 1
      })
      let onTime = 0
      for await (const answer of device) if (answer.onTime) onTime++
      const counts = await device.done
      await transport.drain()
      emulated.close()
      return { counts, onTime }
    }),
  )
  await served.drain()
  await below.drain()
  const sum = (of: (one: (typeof played)[number]) => number) => played.reduce((total, one) => total + of(one), 0)
  return {
    onTime: sum(({ onTime }) => onTime),
    failures,
    counts: {
      in: sum(({ counts }) => counts.in),
      results: sum(({ counts }) => counts.results),
      failures: sum(({ counts }) => counts.failures),
      dropped: sum(({ counts }) => counts.dropped),
    } as Counts,
  }
}

/** A live source: frames at random times for so long. */
function camera(frames: Frames, studio: StandIns, seconds: number, clock: Clock): Source {
  return {
    name: 'camera',
    kind: 'live',
    open: () =>
      new Observable((subscriber) => {
        let timer: Timer | undefined
        const show = () => {
          if (clock.now() >= 1000 * seconds) return subscriber.complete()
          subscriber.next({ payload: studio.picture(frames, clock.now()) })
          timer = clock.after(frames.pause(), show)
        }
        timer = clock.after(frames.pause(), show)
        return () => timer?.cancel()
      }),
  }
}
