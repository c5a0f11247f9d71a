import { mean } from 'simple-statistics'
import { replay } from '../../../adapters/simulation/index.ts'
import { type Decider, inCloud, onDevice } from '../../../pipeline/index.ts'
import { place } from '../../../stages/index.ts'
import { type Effort, type Findings, warmUp } from '../paper.ts'
import { type Row, row } from '../rows.ts'
import { overSeeds, quantiles } from '../statistics.ts'
import { compared } from './compared.ts'
import { costs, type Mix, mixes, type Network, type Phone, phones, published, setting } from './data.ts'
import { quantilePlot } from './plot.ts'

/** Nearer to each other than this, as a share of the better one, nobody can tell which way is right. */
const indifferent = 0.05
const shares = [0.5, 0.95, 0.99] as const
const shareNames = ['p50', 'p95', 'p99'] as const
const cvs = [0.1, 0.2] as const

/** One phone, network, mix and noise. */
interface Setting {
  readonly phone: Phone
  readonly network: Network
  readonly mix: Mix
  readonly cv: number
}

/** What one seed gave; quantiles in ms, in the order of `shares`. */
interface Trial {
  readonly optimal: readonly number[]
  readonly inCloud: readonly number[]
  readonly onDevice: readonly number[]
  readonly ours: readonly number[]
  /** Expected ms over those of the choice that knows them, − 1: behind the warm-up, and during it. */
  readonly regret: number
  readonly warmUpRegret: number
  /** Share of messages sent the way that is expected to be faster, nearly indifferent ones left out. */
  readonly accuracy: number
  /** Mean bytes sent up per message. */
  readonly bytes: { readonly ours: number; readonly inCloud: number; readonly onDevice: number }
}

/** PieSlicer's tables: three phones on two networks, both mixes of pictures, two levels of noise. */
export function pieslicer({ seeds, quick }: Effort): Findings {
  const frames = warmUp + (quick ? 1000 : 4000)
  const rows: Row[] = []
  const drawn: { name: string; trials: readonly Trial[] }[] = []
  for (const one of settings()) {
    const trials = Array.from({ length: seeds }, (_, seed) => trial(one, seed + 1, frames))
    const name = `${phones[one.phone].name}, ${one.network}`
    rows.push(...rowsOf(one, name, trials, quick))
    if (one.cv === 0.1) drawn.push({ name: `${name}, ${one.mix}`, trials })
  }
  rows.sort((a, b) => order.indexOf(a.table) - order.indexOf(b.table))
  const learners = compared()
  return {
    rows: [...rows, ...learners.rows],
    plots: [
      quantilePlot(
        'PieSlicer: p50 by policy, ms (CV .10)',
        drawn.map(({ name, trials }) => ({
          name,
          values: (['optimal', 'inCloud', 'onDevice', 'ours'] as const).map((policy) => average(trials, policy, 0)),
        })),
      ),
    ],
    remarks: [
      `${seeds} paired seeds, ${frames} messages each, the first ${warmUp} apart; every time varies lognormally by itself.`,
      'Optimal is, as in the talk, the better of two static runs for each picture; regret is held against the choice that knows the true expected costs.',
      'The mix of small files (lognormal, median 200 KB, σ 0.9) is assumed; the talk names no baseline for the bandwidth saved.',
      ...(quick
        ? ['Of quick runs p99 informs: it rests on ten messages a seed. The full run holds it to its aim.']
        : []),
      ...learners.remarks,
    ],
  }
}

function* settings(): Generator<Setting> {
  for (const mix of Object.keys(mixes) as Mix[])
    for (const cv of cvs)
      for (const network of Object.keys(published) as Network[])
        for (const phone of Object.keys(phones) as Phone[]) yield { phone, network, mix, cv }
}

function trial({ phone, network, mix, cv }: Setting, seed: number, frames: number): Trial {
  const scenario = setting(phone, network, mix, cv)
  const run = (decider: Decider) => {
    const latencies = new Float64Array(frames - warmUp)
    const taken = { paid: 0, best: 0, warmPaid: 0, warmBest: 0, sent: 0, right: 0, clear: 0 }
    replay(scenario, {
      policy: { name: decider.name, device: [decider] },
      seed,
      frames,
      onSettled({ seq, latency, bytes, sent, cut }) {
        const { local, remote } = costs(phone, network, bytes)
        const paid = cut === 'captured' ? remote : local
        const best = Math.min(local, remote)
        if (seq < warmUp) {
          taken.warmPaid += paid
          taken.warmBest += best
          return
        }
        latencies[seq - warmUp] = latency
        taken.paid += paid
        taken.best += best
        taken.sent += sent
        if (Math.abs(local - remote) <= indifferent * best) return
        taken.clear++
        if (paid === best) taken.right++
      },
    })
    return { latencies, ...taken, bytes: taken.sent / (frames - warmUp) }
  }
  const [cloud, device, ours] = [run(inCloud()), run(onDevice()), run(place())]
  const optimal = cloud.latencies.map((latency, i) => Math.min(latency, device.latencies[i] as number))
  return {
    optimal: quantiles(optimal, shares),
    inCloud: quantiles(cloud.latencies, shares),
    onDevice: quantiles(device.latencies, shares),
    ours: quantiles(ours.latencies, shares),
    regret: ours.paid / ours.best - 1,
    warmUpRegret: ours.warmPaid / ours.warmBest - 1,
    accuracy: ours.right / ours.clear,
    bytes: { ours: ours.bytes, inCloud: cloud.bytes, onDevice: device.bytes },
  }
}

const order = ['medians', 'regret', 'decisions', 'beside the better static policy', 'quantiles', 'bytes'].map(
  (name) => `PieSlicer: ${name}`,
)

function rowsOf({ phone, network, mix, cv }: Setting, name: string, trials: readonly Trial[], quick: boolean): Row[] {
  const [medians, regrets, decisions, beside, tails, bytes] = order as [string, string, string, string, string, string]
  const where = `${name}, ${mix}, CV ${cv}`
  const estimate = (statistic: (drawn: readonly Trial[]) => number) => overSeeds(trials, statistic)
  const rows: Row[] = []
  const add = (
    table: string,
    point: string,
    statistic: (drawn: readonly Trial[]) => number,
    options: Parameters<typeof row>[3] = {},
  ) => {
    const { value, interval } = estimate(statistic)
    rows.push(row(table, point, value, { ...options, interval }))
  }
  if (mix === '0–10 MB') {
    const talk = published[network][phone]
    add(medians, `${where}: optimal p50 (ms)`, (drawn) => average(drawn, 'optimal', 0), {
      published: talk.optimal,
      // The better of two runs is the better the noisier they are; the talk does not tell how noisy its own were.
      ...(cv === 0.1 ? { aim: { withinShare: 0.05 } } : {}),
    })
    add(
      medians,
      `${where}: in-cloud p50 (% of optimal)`,
      (drawn) => (100 * average(drawn, 'inCloud', 0)) / average(drawn, 'optimal', 0),
      { published: talk.inCloud },
    )
  }
  add(regrets, where, (drawn) => mean(drawn.map(({ regret }) => regret)), { aim: { atMost: 0.01 } })
  add(regrets, `${where}: first ${warmUp} messages`, (drawn) => mean(drawn.map(({ warmUpRegret }) => warmUpRegret)))
  add(decisions, `${where}: share right`, (drawn) => mean(drawn.map(({ accuracy }) => accuracy)), {
    ...(mix === '0–10 MB' ? { published: '0.98 to 0.99' } : {}),
    ...(cv === 0.1 ? { aim: { atLeast: 0.98 } } : {}),
  })
  for (const [i, share] of shareNames.entries()) {
    add(
      beside,
      `${where}: ${share}`,
      (drawn) => average(drawn, 'ours', i) / Math.min(average(drawn, 'inCloud', i), average(drawn, 'onDevice', i)),
      // The tail of a quick run is ten messages a seed: they cannot tell a share of 0.01.
      quick && share === 'p99' ? {} : { aim: { atMost: 1.01 } },
    )
    for (const policy of ['optimal', 'inCloud', 'onDevice', 'ours'] as const) {
      add(tails, `${where}: ${policyNames[policy]} ${share} (ms)`, (drawn) => average(drawn, policy, i))
    }
  }
  for (const than of ['inCloud', 'onDevice'] as const) {
    add(
      bytes,
      `${where}: saved beside ${policyNames[than]} (share)`,
      (drawn) => 1 - mean(drawn.map(({ bytes }) => bytes.ours)) / mean(drawn.map(({ bytes }) => bytes[than])),
    )
  }
  return rows
}

const policyNames = { optimal: 'optimal', inCloud: 'in-cloud', onDevice: 'on-device', ours: 'ours' } as const

const average = (trials: readonly Trial[], policy: keyof typeof policyNames, share: number) =>
  mean(trials.map((one) => one[policy][share] as number))
