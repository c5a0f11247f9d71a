import { mean } from 'simple-statistics'
import type { Plot } from '../paper.ts'
import { type Row, row } from '../rows.ts'
import { overSeeds } from '../statistics.ts'
import type { Trial } from './play.ts'

/** One setting: every policy on the same frames, with the same menu and the same chances. */
export interface Contest {
  /** Whose setting it is; contests of one ground are drawn together. */
  readonly ground: string
  readonly name: string
  /** What counts: a gain is to be large, a cost to be small. */
  readonly counts: 'gain' | 'cost'
  /** What it is: `right and on time`, `ms`. */
  readonly unit: string
  /** By policy, a run per seed. */
  readonly runs: ReadonlyMap<string, readonly Trial[]>
}

export const [planner, oracle, best] = ['plan', 'causal oracle', 'best static'] as const

export function of({ name, runs }: Contest, policy: string): readonly Trial[] {
  const found = runs.get(policy)
  if (!found) throw new RangeError(`"${policy}" was not run in "${name}".`)
  return found
}

export const average = (trials: readonly Trial[]): number => mean(trials.map(({ value }) => value))

/** Everybody but the oracle, which knows what nobody can. */
export const real = ({ runs }: Contest): readonly string[] => [...runs.keys()].filter((policy) => policy !== oracle)

/** What one policy loses beside another, as a share of what the other has; below 0 where it has the better of it. */
export function loss(contest: Contest, one: readonly Trial[], other: readonly Trial[]): number {
  const [own, theirs] = [average(one), average(other)]
  return contest.counts === 'gain' ? 1 - own / theirs : own / theirs - 1
}

/** The policy that nobody beats, the oracle apart. */
export function leader(contest: Contest): string {
  const { counts } = contest
  const value = (policy: string) => average(of(contest, policy)) * (counts === 'gain' ? 1 : -1)
  return real(contest).reduce((most, policy) => (value(policy) > value(most) ? policy : most))
}

/** What a policy loses beside another, with its interval over the paired seeds. */
export function lossBeside(contest: Contest, policy: string, other: string) {
  const [own, theirs] = [of(contest, policy), of(contest, other)]
  const pairs = own.map((trial, i) => [trial, theirs[i] as Trial] as const)
  return overSeeds(pairs, (drawn) =>
    loss(
      contest,
      drawn.map(([one]) => one),
      drawn.map(([, two]) => two),
    ),
  )
}

/** Everybody's loss beside whoever was best there. */
export function lossMap(contests: readonly Contest[]): Row[] {
  return contests.flatMap((contest) => {
    const first = leader(contest)
    return real(contest).map((policy) => {
      const { value, interval } = lossBeside(contest, policy, first)
      return row('Ours: where each policy loses', `${contest.name}: ${policy} (share)`, value, { interval })
    })
  })
}

/** What everybody has lost by the end, beside the causal oracle and beside the clairvoyant bound, as shares of what those have. */
export function regrets(contests: readonly Contest[]): Row[] {
  return contests.flatMap((contest) => {
    const { name, counts } = contest
    return real(contest).flatMap((policy) => {
      const { value, interval } = lossBeside(contest, policy, oracle)
      const trials = of(contest, policy)
      const share = average(trials) / mean(trials.map(({ bound }) => bound))
      return [
        row('Ours: regret beside the causal oracle', `${name}: ${policy} (share)`, value, { interval }),
        row(
          'Ours: regret beside the clairvoyant bound',
          `${name}: ${policy} (share)`,
          counts === 'gain' ? 1 - share : share - 1,
        ),
      ]
    })
  })
}

/** All figures of all policies. */
export function told(contests: readonly Contest[]): Row[] {
  return contests.flatMap((contest) =>
    [...contest.runs].flatMap(([policy, trials]) => {
      const add = (what: string, value: number) => row(`Ours: ${contest.name}`, `${policy}: ${what}`, value)
      const names = Object.keys((trials[0] as Trial).figures)
      return [
        add(contest.unit, average(trials)),
        add(`${contest.unit}, warm-up`, mean(trials.map(({ warmUp }) => warmUp))),
        ...names.map((name) => add(name, mean(trials.map(({ figures }) => figures[name] as number)))),
      ]
    }),
  )
}

/** The loss map as a picture: settings by policies. */
export function lossPlot(contests: readonly Contest[]): Plot {
  const policies = [...new Set(contests.flatMap(real))]
  return {
    title: 'Where each policy loses: share beside the best one there; empty where it has nothing to say',
    option: {
      grid: { left: 300, right: 40, top: 60, bottom: 130 },
      xAxis: { type: 'category', data: policies, axisLabel: { rotate: 45 } },
      yAxis: { type: 'category', data: contests.map(({ name }) => name), axisLabel: { interval: 0, fontSize: 9 } },
      visualMap: {
        min: 0,
        max: 0.3,
        calculable: false,
        orient: 'horizontal',
        left: 'center',
        bottom: 0,
        inRange: { color: ['#f4f7fb', '#fdd49e', '#d7301f'] },
      },
      series: [
        {
          type: 'heatmap',
          data: contests.flatMap((contest, y) => {
            const first = of(contest, leader(contest))
            return real(contest).map((policy) => [
              policies.indexOf(policy),
              y,
              Number(loss(contest, of(contest, policy), first).toFixed(3)),
            ])
          }),
          label: { show: true, fontSize: 8 },
        },
      ],
    },
  }
}

/** What a policy has lost beside the oracle by each frame: a mean over the seeds and the contests of a ground. */
export function regretPlots(contests: readonly Contest[]): Plot[] {
  return [...new Set(contests.map(({ ground }) => ground))].map((ground) => {
    const grounds = contests.filter((contest) => contest.ground === ground)
    const policies = [...new Set(grounds.flatMap(real))]
    return {
      title: `Cumulative regret beside the causal oracle: ${ground}`,
      option: {
        legend: { top: 34 },
        xAxis: { type: 'value', name: 'frames' },
        yAxis: { type: 'value', name: `times what the oracle has in a frame` },
        series: policies.map((policy) => ({
          name: policy,
          type: 'line' as const,
          showSymbol: false,
          data: cumulative(
            grounds.filter(({ runs }) => runs.has(policy)),
            policy,
          ),
        })),
      },
    }
  })
}

/** By frame, the regret so far in frames of the oracle. */
function cumulative(contests: readonly Contest[], policy: string): [number, number][] {
  const length = Math.min(...contests.map((contest) => (of(contest, policy)[0] as Trial).series.length))
  const lost = new Float64Array(length)
  for (const contest of contests) {
    const [own, theirs] = [of(contest, policy), of(contest, oracle)]
    const unit = average(theirs) * own.length * contests.length * (contest.counts === 'gain' ? 1 : -1)
    for (const [i, { series }] of own.entries()) {
      const other = (theirs[i] as Trial).series
      for (let n = 0; n < length; n++)
        lost[n] = (lost[n] as number) + ((other[n] as number) - (series[n] as number)) / unit
    }
  }
  const points: [number, number][] = []
  let sum = 0
  for (let n = 0; n < length; n++) {
    sum += lost[n] as number
    if (n % 10 === 9) points.push([n + 1, Number(sum.toFixed(3))])
  }
  return points
}
