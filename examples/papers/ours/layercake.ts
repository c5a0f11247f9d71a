import { mean } from 'simple-statistics'
import { type Decider, inCloud } from '../../../pipeline/index.ts'
import { alert, ans, backup, chain, EnergyModel, maui, plan, select, split } from '../../../stages/index.ts'
import {
  assumed,
  type Conditions,
  models,
  otherConditions,
  type Policy,
  policies,
  published,
  simulate,
  type Trial as Totals,
} from '../layercake/index.ts'
import { type Effort, warmUp } from '../paper.ts'
import { type Row, type RowOptions, row } from '../rows.ts'
import { overSeeds } from '../statistics.ts'
import { best, type Contest, lossBeside, of, oracle, planner } from './contest.ts'
import { type Arm, always, arms, standsBy } from './layercake-arms.ts'
import { layercakeBound, layercakeOracle } from './layercake-oracle.ts'
import { Sums, type Trial } from './play.ts'
import { lots } from './policies.ts'
import { tuningSeeds } from './traces.ts'

/** The goal that is LayerCake's own: the most accurate that is on time with this chance. */
const surely = 'plan, 0.95 on time'
const theirs = policies.published.name
const settingName = 'LayerCake'
const table = 'Ours: on LayerCake’s setting'
const standIns = ['b0', 'b1'] as const
const open = {
  cuts: ['captured', 'answered'],
  backups: ['none', ...standIns.map((id) => `model:${id}` as const)],
} as const
const phone = new EnergyModel({ radio: '4g' })

/** LayerCake's own conditions, and all others that it may as well have had, drawn together. */
export function* layercakeContests({ seeds, quick }: Effort): Generator<Contest> {
  const requests = warmUp + (quick ? 300 : 1000)
  const count = quick ? Math.ceil(seeds / 2) : seeds
  const unit = 'right and on time'
  const chosen = tuned(assumed, requests)
  const seedsOf = Array.from({ length: count }, (_, seed) => [assumed, seed + 1] as const)
  yield {
    ground: 'LayerCake’s setting',
    name: 'LayerCake',
    counts: 'gain',
    unit,
    runs: runsOf(chosen, seedsOf, requests),
  }
  const others = otherConditions().map((conditions, i) => [conditions, i + 1] as const)
  const name = `LayerCake elsewhere (${others.length} conditions)`
  yield { ground: 'LayerCake elsewhere', name, counts: 'gain', unit, runs: runsOf(chosen, others, requests) }
}

type Setting = readonly [conditions: Conditions, seed: number]

function runsOf(chosen: Tuned, settings: readonly Setting[], requests: number): Map<string, readonly Trial[]> {
  const names = entrants(chosen, assumed, 1).map(({ name }) => name)
  return new Map(
    names.map((name, i) => [
      name,
      settings.map(([conditions, seed]) =>
        trial(entrants(chosen, conditions, seed)[i] as Policy, conditions, seed, requests),
      ),
    ]),
  )
}

/** One run of one policy. */
function trial(policy: Policy, conditions: Conditions, seed: number, requests: number): Trial {
  const sums = new Sums(requests)
  const totals = simulate(policy, conditions, seed, requests, warmUp, (settled) => {
    const { seq, accuracy } = settled
    if (seq < warmUp) return sums.warm(accuracy)
    sums.add(seq, accuracy, layercakeBound(settled, conditions), {
      'on time': accuracy > 0 ? 1 : 0,
      accuracy: accuracy > 0 ? accuracy : undefined,
    })
  })
  const own = sums.trial()
  return { ...own, figures: { ...own.figures, ...spent(totals, conditions) } }
}

function spent({ requests, sent, computed, paid, loads }: Totals, { uplink }: Conditions) {
  return {
    'bytes up': sent / requests,
    mJ: (phone.compute(computed) + phone.upload(sent, uplink)) / requests,
    'ms paid in the cloud': paid / requests,
    'cloud loads per 1,000': (1000 * loads) / requests,
  }
}

/** What is chosen on seeds that are not tested on: what is done always, and the best of what crosses. */
interface Tuned {
  readonly best: Arm
  readonly crossing: Arm
}

function tuned(conditions: Conditions, requests: number): Tuned {
  const scored = arms(standIns)
    .map((arm) => {
      const policy: Policy = { name: best, decider: () => always(best, arm, conditions), ...open }
      const right = tuningSeeds.map((seed) => trial(policy, conditions, seed, requests).value)
      return { arm, right: mean(right) }
    })
    .sort((a, b) => b.right - a.right)
  const [first] = scored as [(typeof scored)[number]]
  return { best: first.arm, crossing: scored.find(({ arm }) => arm.cut === 'captured')?.arm ?? first.arm }
}

/** Every policy that can speak here; those that choose no model or no stand-in get the tuned ones. */
function entrants({ best: first, crossing }: Tuned, conditions: Conditions, seed: number): readonly Policy[] {
  const one = (name: string, decider: Policy['decider'], cloud?: () => Decider): Policy => ({
    name,
    decider,
    ...(cloud ? { cloud } : {}),
    ...open,
  })
  const model: Decider = { name: 'only', decide: (_request, _world, menu) => ({ ...menu, models: [crossing.model] }) }
  const standBy = standsBy(crossing.standIn, conditions)
  const cut = (name: string, decider: () => Decider) => one(name, () => chain([model, decider(), standBy]))
  const random = lots(seed)
  return [
    one(best, () => always(best, first, conditions)),
    { ...policies.published, ...open },
    { ...policies.ours, ...open },
    one(
      'MDInference',
      () => chain([inCloud(), backup({ when: 'always', models })]),
      () => select({ models, budget: 'published', random }),
    ),
    one(
      'ModiPick',
      () => chain([inCloud(), standBy]),
      () => select({ models, rule: 'modipick', budget: 'published', random }),
    ),
    one(
      'select, backup',
      () => chain([inCloud(), backup({ models })]),
      () => select({ models, random }),
    ),
    cut('split', () => split({ models })),
    cut('ANS', () => ans({ models })),
    cut('MAUI', () => maui({ models })),
    one('ALERT', () => alert({ models })),
    one(planner, () => plan({ models, weights: { energy: 0 }, random })),
    one(surely, () => plan({ models, goal: { atLeast: 0.95 }, weights: { energy: 0 }, random })),
    one(oracle, (insight) => layercakeOracle(insight, oracle, standIns)),
  ]
}

/** The planner is held to what was published of LayerCake: by its share of targets met, and by the accuracy it has then. */
export function judgedLayercake(contests: readonly Contest[]): Row[] {
  const own = contests.filter(({ name }) => name === settingName)
  return own.flatMap((contest) => {
    const figure = (policy: string, name: string, options: RowOptions = {}, other?: string) => {
      const [trials, theirs] = [of(contest, policy), of(contest, other ?? policy)]
      const pairs = trials.map(
        (one, i) => (one.figures[name] as number) - (other ? (theirs[i]?.figures[name] as number) : 0),
      )
      const { value, interval } = overSeeds(pairs, (drawn) => mean([...drawn]))
      const beside = other === undefined ? '' : ` beside ${other}`
      return row(table, `${policy}${beside}: ${name}`, value, { ...options, interval })
    }
    const { value, interval } = lossBeside(contest, planner, theirs)
    return [
      ...[planner, surely].flatMap((policy) => [
        figure(policy, 'on time', { published: published.met, aim: { atLeast: published.met } }),
        figure(policy, 'accuracy', {}),
        figure(policy, 'accuracy', { aim: { atLeast: 0 } }, theirs),
      ]),
      row(table, `${planner} beside ${theirs}: right and on time lost (share)`, value, {
        interval,
        aim: { atMost: 0 },
      }),
    ]
  })
}
