import {
  expected,
  factors,
  type Insight,
  type Policy,
  random,
  type Scenario,
} from '../../../adapters/simulation/index.ts'
import type { Decider, Menu } from '../../../pipeline/index.ts'
import type { Capacity } from './capacity.ts'

/** Draws of everything that varies but a recorded link. */
const draws = 48

interface Arm {
  readonly model: string
  readonly cut: 'captured' | 'prepared' | 'answered'
  readonly accuracy: number
}

/** What it holds against work for what is busy already, in accuracy a second of work for each second of backlog. */
export interface OracleOptions {
  readonly debt: number
}

/**
 * A decider that knows the true conditional distributions: of every time its law, of the link's capacity what followed on
 * the same past in the same trace, of every queue how long it is. It knows nothing of what is still to be drawn. It chooses the arm
 * of the largest chance to be right and on time, for each frame by itself.
 */
export function causalOracle(insight: Insight, capacity: Capacity, options: OracleOptions): Policy {
  const { scenario } = insight
  const law = laws(scenario)
  const arms = armsOf(scenario)
  const times = new Float64Array(arms.length * draws)
  const name = 'causal oracle'
  const decider: Decider = {
    name,
    decide: (request, _world, menu) => {
      const { frame } = insight
      forecast(insight, capacity, law, arms, times)
      const { device } = scenario
      let [best, most, standIn, start] = [0, Number.NEGATIVE_INFINITY, undefined as string | undefined, 0]
      // Preparing for the wire comes first, and a stand-in prepares once more.
      const stands = {
        captured: bestStandIn(insight, law, request.remaining, 0),
        prepared: bestStandIn(insight, law, request.remaining, 1),
        answered: undefined,
      }
      for (const [i, arm] of arms.entries()) {
        let inTime = 0
        let [busyDevice, busyUplink] = [0, 0]
        for (let j = 0; j < draws; j++) if ((times[i * draws + j] as number) <= request.remaining) inTime++
        const p = inTime / draws
        let worth = p * arm.accuracy
        const stand = stands[arm.cut]
        if (arm.cut !== 'captured') busyDevice += expected(device.prepare, frame.bytes)
        if (arm.cut === 'answered') busyDevice += expected(device.models[arm.model] ?? {}, 0)
        else {
          busyUplink = arm.cut === 'captured' ? frame.bytes : frame.prepared
          if (stand) worth += (1 - p) * stand.chance * stand.accuracy
        }
        worth -= (options.debt * insight.device * busyDevice) / 1e6
        worth -= (options.debt * insight.uplink * busyUplink * 8) / (1e3 * 1e6)
        // Of what is worth the same, what sends less.
        worth -= 1e-9 * busyUplink
        if (worth <= most) continue
        best = i
        most = worth
        standIn = arm.cut !== 'answered' && p < 1 ? stand?.model : undefined
        start = stand?.start ?? 0
      }
      return menuOf(menu, arms[best] as Arm, standIn, request.elapsed + start)
    },
  }
  return { name, device: [decider] }
}

/** The accuracy of the best answer in time that any choice could have given to a frame, had it been alone. */
export function clairvoyant({ scenario, frame }: Pick<Insight, 'scenario' | 'frame'>): number {
  const { device, cloud, link, accuracy, deadline } = scenario
  if (link.kind !== 'rates') return Number.NaN
  const { fate } = frame
  const prepared = expected(device.prepare, frame.bytes) * fate.device
  const at = link.from + frame.captured
  const crossed = (after: number, bytes: number) =>
    link.up.open().send(at + after, bytes) - at + link.delay + expected(cloud.prepare, bytes) * fate.cloud
  const down = link.delay + (link.answerBytes * 8000) / link.down.mean
  const whole = Math.min(crossed(0, frame.bytes), crossed(prepared, frame.prepared)) + down
  let best = 0
  for (const [id, right] of Object.entries(accuracy)) {
    const here = prepared + expected(device.models[id] ?? {}, 0) * fate.deviceRun
    const there = whole + expected(cloud.models[id] ?? {}, 0) * fate.run
    if (Math.min(here, there) <= deadline) best = Math.max(best, right)
  }
  return best
}

interface Law {
  readonly device: Float64Array
  readonly deviceRun: Float64Array
  readonly cloud: Float64Array
  readonly run: Float64Array
}

function laws({ device, cloud }: Scenario): Law {
  const drawn = (of: Parameters<typeof factors>[0], name: string) => {
    const factor = factors(of, random(1, `oracle ${name}`))
    return Float64Array.from({ length: draws }, factor)
  }
  const ran = (of: Scenario['device']['models']) => Object.values(of).find((one) => one.variation)?.variation
  return {
    device: drawn(device.prepare.variation, 'device'),
    deviceRun: drawn(ran(device.models), 'device run'),
    cloud: drawn(cloud.prepare.variation, 'cloud'),
    run: drawn(ran(cloud.models), 'run'),
  }
}

function armsOf({ accuracy }: Scenario): readonly Arm[] {
  return (['captured', 'prepared', 'answered'] as const).flatMap((cut) =>
    Object.entries(accuracy).map(([model, right]) => ({ model, cut, accuracy: right })),
  )
}

/** Writes `draws` possible times of every arm, ms from now. */
function forecast(
  { scenario, frame, device: busy, cloud: crowded, queued }: Insight,
  capacity: Capacity,
  law: Law,
  arms: readonly Arm[],
  times: Float64Array,
): void {
  const { device, cloud, link } = scenario
  if (link.kind !== 'rates') throw new RangeError('This oracle knows recorded links alone.')
  const alike = capacity.alike(link.from + frame.captured)
  const prepare = expected(device.prepare, frame.bytes)
  const down = link.delay + (link.answerBytes * 8000) / link.down.mean
  const [restCaptured, restPrepared] = [expected(cloud.prepare, frame.bytes), expected(cloud.prepare, frame.prepared)]
  for (let j = 0; j < draws; j++) {
    const at = alike[(j * 7) % alike.length] as number
    const own = busy + prepare * (law.device[j] as number)
    const cleared = capacity.takes(at, queued)
    const captured = capacity.takes(at, queued + frame.bytes) + link.delay + restCaptured * (law.cloud[j] as number)
    const sent = Math.max(own, cleared)
    const prepared =
      sent + capacity.takes(at + sent, frame.prepared) + link.delay + restPrepared * (law.cloud[j] as number)
    for (const [i, { cut, model }] of arms.entries()) {
      const here = expected(device.models[model] ?? {}, 0) * (law.deviceRun[j] as number)
      const there = expected(cloud.models[model] ?? {}, 0) * (law.run[j] as number) + down
      times[i * draws + j] =
        cut === 'answered'
          ? own + here
          : cut === 'captured'
            ? Math.max(captured, crowded) + there
            : Math.max(prepared, crowded) + there
    }
  }
}

/** The model of the device that is worth most if the planned answer is late, started as late as it may. */
function bestStandIn({ scenario, frame, device: busy }: Insight, law: Law, left: number, before: number) {
  const { device, accuracy } = scenario
  const prepare = expected(device.prepare, frame.bytes)
  let best: { model: string; accuracy: number; chance: number; start: number } | undefined
  for (const model of device.backups) {
    const run = expected(device.models[model] ?? {}, 0)
    let [inTime, longest] = [0, 0]
    for (let j = 0; j < draws; j++) {
      const takes = (1 + before) * prepare * (law.device[j] as number) + run * (law.deviceRun[j] as number)
      if (busy + takes <= left) inTime++
      longest = Math.max(longest, takes - before * prepare)
    }
    const found = {
      model,
      accuracy: accuracy[model] ?? 0,
      chance: inTime / draws,
      start: Math.max(0, left - longest),
    }
    if (!best || found.chance * found.accuracy > best.chance * best.accuracy) best = found
  }
  return best
}

function menuOf(menu: Menu, { model, cut }: Arm, standIn: string | undefined, backupAfter: number): Menu {
  const only = { ...menu, models: [model], cuts: [cut] }
  return standIn === undefined
    ? { ...only, backups: ['none'] }
    : { ...only, backups: [`model:${standIn}`], backupAfter }
}
