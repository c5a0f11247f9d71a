import { mean } from 'simple-statistics'
import { expected, type Frame, type Scenario } from '../../../adapters/simulation/index.ts'
import { allOnDevice, type Cut, type Decider, inCloud, type Menu } from '../../../pipeline/index.ts'
import { ans, EnergyModel, type EnergyOptions, maui, plan, split } from '../../../stages/index.ts'
import { asStated, type Cell, cellCosts, cells, type Goal, links } from '../neurosurgeon/index.ts'
import { type Effort, warmUp } from '../paper.ts'
import { type Row, type RowOptions, row } from '../rows.ts'
import { type Contest, lossBeside, oracle, planner } from './contest.ts'
import { type Parted, parted, sceneOf } from './parted.ts'
import { energyOf, type Measure, play, type Trial } from './play.ts'
import { type Contender, lots } from './policies.ts'

const goals = ['latency', 'energy'] as const
const table = 'Ours: on Neurosurgeon’s settings'

/** Every goal, processor and radio: behind which layer does the wire cross? A contest is a mean over the eight networks. */
export function* neurosurgeonContests({ seeds, quick }: Effort): Generator<Contest> {
  const frames = warmUp + (quick ? 100 : 150)
  const count = quick ? Math.ceil(seeds / 5) : seeds
  for (const goal of goals)
    for (const { device, radio } of cells.filter(({ network }) => network === cells[0]?.network)) {
      const alike = cells.filter((cell) => cell.device === device && cell.radio === radio)
      const runs = new Map<string, Trial[]>()
      for (let seed = 1; seed <= count; seed++)
        for (const [policy, trial] of trialsOf(alike, goal, seed, frames))
          runs.set(policy, [...(runs.get(policy) ?? []), trial])
      yield {
        ground: `Neurosurgeon’s settings, ${goal}`,
        name: `Neurosurgeon: ${goal}, ${device}, ${radio}`,
        counts: 'cost',
        unit: 'times the best cut’s cost',
        runs,
      }
    }
}

/** Each policy on one seed of each network, as shares of what the network's best cut is expected to cost. */
function trialsOf(alike: readonly Cell[], goal: Goal, seed: number, frames: number): Map<string, Trial> {
  const each = new Map<string, Trial[]>()
  for (const cell of alike) {
    const one = parted(cell)
    const least = Math.min(...cellCosts(cell, goal).values)
    for (const contender of contenders(one, goal, () => bestOf(cell, goal))) {
      const { name } = contender
      const trial = play(sceneOf(one), contender, seed, frames, measure(one, goal, least))
      each.set(name, [...(each.get(name) ?? []), trial])
    }
  }
  return new Map([...each].map(([policy, trials]) => [policy, together(trials)]))
}

/** The planner is held to the best cut: by the mean over a goal's cells, and as split() is where conditions wander. */
export function judgedNeurosurgeon(contests: readonly Contest[], wandering: readonly Contest[]): Row[] {
  const judged = (contest: Contest, options: RowOptions = {}) => {
    const { value, interval } = lossBeside(contest, planner, oracle)
    return row(table, `${contest.name}: plan above the best cut (share)`, value, { interval, ...options })
  }
  const means = goals.map((goal) => {
    const own = contests.filter(({ name }) => name.startsWith(`Neurosurgeon: ${goal}`))
    const regret = mean(own.map((one) => lossBeside(one, planner, oracle).value))
    const point = `Neurosurgeon: ${goal}, mean of 48 cells: plan above the best cut (share)`
    return row(table, point, regret, { aim: { atMost: 0.01 } })
  })
  return [
    ...means,
    ...contests.map((contest) => judged(contest)),
    ...wandering.map((contest) => judged(contest, { aim: { atMost: 0.05 } })),
  ]
}

/** Powers as the cells have them. */
export function powers({ device, radio }: Cell): EnergyOptions {
  return { radio: links[radio].radio, computing: asStated.device[device].power, waiting: 0 }
}

/** What a frame costs, as a multiple of `unit`. */
export function measure(one: Parted, goal: Goal, unit: number): Measure {
  const phone = new EnergyModel(powers(one.cell))
  return {
    value: (frame) => (goal === 'latency' ? frame.latency : energyOf(frame, phone)) / unit,
    bound: (frame, scenario) => {
      let least = Number.POSITIVE_INFINITY
      for (let at = 0; at < one.costs.cuts.length; at++) {
        const { head, up, run, sent } = instead(frame, scenario, one, at)
        const cost =
          goal === 'latency'
            ? head + up + run
            : phone.compute(head) + (sent > 0 ? phone.upload(sent, (sent * 8000) / up) : 0)
        least = Math.min(least, cost / unit)
      }
      return least
    },
    beside: (frame) => ({ ms: frame.latency, mJ: energyOf(frame, phone), 'bytes up': frame.sent }),
  }
}

/** Milliseconds and bytes of the frame, had it been cut elsewhere, by the same chances. Of links of which each time varies by itself. */
function instead({ fate }: Frame, { link, device, cloud }: Scenario, { cell, costs }: Parted, at: number) {
  if (link.kind !== 'times') throw new RangeError('This bound knows links of which each time varies by itself alone.')
  const id = cell.network.name
  const head = expected(device.models[id] ?? {}, 0) * costs.share(at) * fate.deviceRun
  if (at === costs.cuts.length - 1) return { head, up: 0, run: 0, sent: 0 }
  const sent = costs.bytes[at] as number
  const behind = (costs.behind[at] as number) / (costs.behind[0] as number)
  const run = expected(cloud.models[id] ?? {}, 0) * behind * fate.run
  return { head, up: expected(link.up, sent) * fate.up, run, sent }
}

/** A cut as menus name it: both ends by what they are. */
export function cutAt(cuts: readonly Cut[], at: number): Cut {
  if (at === 0) return 'captured'
  return at === cuts.length - 1 ? 'answered' : (cuts[at] as Cut)
}

function bestOf(cell: Cell, goal: Goal): number {
  const { values } = cellCosts(cell, goal)
  return values.indexOf(Math.min(...values))
}

/** The policies that can speak of cuts. @param best the cut that is expected to cost least now, for the oracle */
export function contenders(
  { cell, costs, models }: Parted,
  goal: Goal,
  best: (now: number) => number,
): readonly Contender[] {
  const energy = powers(cell)
  const weights = goal === 'latency' ? { energy: 0, time: 1 } : { energy: 1e-3, time: 0 }
  const one = (name: string, begin: (seed: number) => Decider): Contender => ({
    name,
    begin: (seed) => ({ name, device: [asPublished(), begin(seed)] }),
  })
  return [
    one('split', () => split({ models, goal, energy })),
    one('ANS', () => ans({ models })),
    one('MAUI', () => maui({ models, goal, energy })),
    one('always in the cloud', () => inCloud()),
    one('always on the device', () => allOnDevice()),
    one(planner, (seed) => plan({ models, weights, energy, random: lots(seed) })),
    one(oracle, () => ({
      name: oracle,
      decide: ({ now }, _world, menu) => ({ ...menu, cuts: [cutAt(costs.cuts, best(now))] }),
    })),
  ]
}

/** Nothing is prepared: what is captured is the network's input. */
function asPublished(): Decider {
  const cuts = new Map<Menu['cuts'], Menu['cuts']>()
  return {
    name: 'as published',
    decide(_request, _world, menu) {
      const open = cuts.get(menu.cuts) ?? menu.cuts.filter((cut) => cut !== 'prepared')
      cuts.set(menu.cuts, open)
      return { ...menu, cuts: open }
    },
  }
}

/** Several trials of one seed as one: means, frame by frame. */
function together(trials: readonly Trial[]): Trial {
  const [first] = trials as [Trial]
  const over = (figure: (trial: Trial) => number) => mean(trials.map(figure))
  return {
    value: over(({ value }) => value),
    warmUp: over(({ warmUp: early }) => early),
    bound: over(({ bound }) => bound),
    series: first.series.map((_, n) => over(({ series }) => series[n] as number)),
    figures: Object.fromEntries(
      Object.keys(first.figures).map((name) => [name, over(({ figures }) => figures[name] as number)]),
    ),
  }
}
