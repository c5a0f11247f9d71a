/*
 * npx tsx test/bench/offload-pictures.ts
 *
 * Draws the pictures of offload's page and of the baselines', and prints the figures of their tables. All of it is simulated:
 * LayerCake's test as examples/papers/layercake has it, and a chain of six layers on a link whose rate is given.
 */
import { writeFileSync } from 'node:fs'
import { assumed } from '../../examples/papers/layercake/data.ts'
import { policies } from '../../examples/papers/layercake/layercake.ts'
import { simulate } from '../../examples/papers/layercake/simulation.ts'
import { type Cut, type Decider, systemClock, World } from '../../pipeline/index.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'
import { alert, ans, maui, select } from '../../stages/index.ts'
import { all, cuts, layers, models, takes } from '../stages/decide/baselines/support.ts'
import { menu, modelSet, normal, outcome, request } from '../stages/decide/support.ts'
import { svg } from './svg.ts'

const world = new World(systemClock)
const beside = (name: string) => new URL(`../../stages/decide/${name}`, import.meta.url)

function drawOffload(): void {
  const deadlines = [150, 250, 350, 500, 750, 1000, 1500, 2000, 2500, 3000, 3500]
  const requests = 1200
  const played = Object.values(policies).map((policy) => ({
    name: policy.name,
    points: deadlines.map((deadline) => {
      const { met, accuracy, paid } = simulate(policy, { ...assumed, deadline: [deadline, deadline] }, 1, requests, 200)
      const asked = requests - 200
      return { deadline, met: met / asked, right: accuracy / asked, paid: paid / asked }
    }),
  }))
  for (const { name, points } of played) {
    const at = [250, 500, 1000, 2000].map((ms) => points.find(({ deadline }) => deadline === ms))
    console.log(`| ${name} | ${at.map((p) => `${p?.right.toFixed(3)} / ${p?.paid.toFixed(0)}`).join(' | ')} |`)
  }
  const of = (pick: (point: (typeof played)[number]['points'][number]) => number) =>
    played.map(({ name, points }) => ({ name, points: points.map((p) => [p.deadline, pick(p)] as const) }))
  const [x, most] = ['deadline of every request, ms', 3500]
  writeFileSync(
    beside('offload/offload.svg'),
    svg([
      { title: 'right and in time', x, y: '%', to: [most, 100], series: of(({ right }) => 100 * right) },
      {
        title: 'runs and loads in the cloud',
        x,
        y: 'ms a request',
        to: [most, 800],
        series: of(({ paid }) => Math.min(800, paid)),
      },
    ]),
  )
}

const bytes = 600_000
const whole = (rate: number, cut: Cut) => takes(cut, bytes, rate).total
const best = (rate: number) => Math.min(...cuts.map((cut) => whole(rate, cut)))

/** One message through a decider of cuts; returns what it took, ms. */
function live(decider: Decider, rate: number, noise: () => number): number {
  const [cut] = decider.decide(request({ bytes }), world, all).cuts as [Cut]
  const { device, cloud, transfer, sent } = takes(cut, bytes, rate)
  const crossing = cut === 'answered' ? undefined : { at: cut, bytes: sent }
  const timings = { execute: device + cloud * noise(), transfer: transfer * noise() }
  decider.observe?.(outcome({ model: 'net', cut }, timings, { crossing, bytes }), world)
  return whole(rate, cut)
}

const chain = { models, layers: () => layers }
const noisy = (seed: number) => {
  const random = seededRandom(seed)
  return () => Math.max(0.5, normal(random, 1, 0.1))
}

function drawAns(): void {
  const [messages, bin] = [600, 15]
  const panel = (title: string, rateAt: (i: number) => number) => {
    const run = (decider: Decider) => {
      const noise = noisy(7)
      return Array.from({ length: messages }, (_, i) => live(decider, rateAt(i), noise))
    }
    const lines: Readonly<Record<string, number[]>> = {
      'best cut, known beforehand': Array.from({ length: messages }, (_, i) => best(rateAt(i))),
      ANS: run(ans(chain)),
      'ANS, α = 0': run(ans({ ...chain, alpha: 0 })),
      MAUI: run(maui(chain)),
    }
    console.log(title)
    for (const [name, times] of Object.entries(lines)) {
      const mean = (from: number) => times.slice(from, from + 200).reduce((sum, ms) => sum + ms, 0) / 200
      console.log(`| ${name} | ${[0, 200, 400].map((from) => mean(from).toFixed(0)).join(' | ')} |`)
    }
    const series = Object.entries(lines).map(([name, times]) => ({
      name,
      points: Array.from({ length: messages / bin }, (_, b) => {
        const some = times.slice(b * bin, (b + 1) * bin)
        return [(b + 0.5) * bin, Math.min(400, some.reduce((sum, ms) => sum + ms, 0) / bin)] as const
      }),
    }))
    return { title, x: 'message', y: 'ms, mean of 15', to: [messages, 400] as const, series }
  }
  writeFileSync(
    beside('baselines/ans.svg'),
    svg([
      panel('the link becomes slow: 20,000 to 500 bytes a ms', (i) => (i < 300 ? 20_000 : 500)),
      panel('the link becomes fast: 500 to 20,000 bytes a ms', (i) => (i < 300 ? 500 : 20_000)),
    ]),
  )
}

function drawMaui(): void {
  // As the rate's logarithm: 1 is 10 bytes a ms, 5 are 100,000.
  const rates = Array.from({ length: 41 }, (_, i) => 1 + i / 10)
  const after = (rate: number) => {
    const decider = maui(chain)
    const noise = noisy(3)
    const ran = (cut: Cut) => {
      const { device, cloud, transfer, sent } = takes(cut, bytes, rate)
      const crossing = cut === 'answered' ? undefined : { at: cut, bytes: sent }
      decider.observe?.(
        outcome({ model: 'net', cut }, { execute: device + cloud, transfer }, { crossing, bytes }),
        world,
      )
    }
    for (const cut of ['answered', 'captured', 'after:fc1'] as const) ran(cut)
    const times = Array.from({ length: 40 }, () => live(decider, rate, noise))
    return times.slice(20).reduce((sum, ms) => sum + ms, 0) / 20
  }
  const lines: Readonly<Record<string, (rate: number) => number>> = {
    'best cut, known beforehand': best,
    MAUI: after,
    'in the cloud': (rate) => whole(rate, 'captured'),
    'on the device': (rate) => whole(rate, 'answered'),
  }
  const at = (power: number) => 10 ** power
  for (const [name, ms] of Object.entries(lines)) {
    console.log(`| ${name} | ${[2, 3, 4, 5].map((power) => ms(at(power)).toFixed(0)).join(' | ')} |`)
  }
  const series = Object.entries(lines).map(([name, ms]) => ({
    name,
    points: rates.map((power) => [power - 1, ms(at(power))] as const).filter(([, y]) => y <= 400),
  }))
  writeFileSync(
    beside('baselines/maui.svg'),
    svg([
      {
        title: 'six layers, 20 messages each',
        x: 'log₁₀ of the rate, bytes a ms, less 1',
        y: 'ms',
        to: [4, 400],
        series,
      },
    ]),
  )
}

function drawAlert(): void {
  const zoo = modelSet([
    { id: 'small', accuracy: 0.5, latencyMs: 10 },
    { id: 'middle', accuracy: 0.7, latencyMs: 40 },
    { id: 'large', accuracy: 0.9, latencyMs: 100 },
  ])
  const deadlines = Array.from({ length: 20 }, (_, i) => 20 * (i + 1))
  /** Every 200 messages something else runs on the device, and everything takes three times as long. */
  const slow = (i: number) => (Math.floor(i / 200) % 2 === 0 ? 1 : 3)
  const play = (decider: Decider, deadline: number) => {
    const random = seededRandom(deadline)
    let right = 0
    for (let i = 0; i < 2000; i++) {
      const asked = request({ deadline, remaining: deadline })
      const offered = { ...menu, models: zoo.ids, cuts: ['answered'] } as const
      const [model] = decider.decide(asked, world, offered).models as [string]
      const { latencyMs = 0, accuracy } = zoo.entry(model)
      const execute = latencyMs * slow(i) * Math.max(0.3, normal(random, 1, 0.15))
      decider.observe?.(outcome({ model, cut: 'answered' }, { execute }, { latency: execute }), world)
      if (execute <= deadline) right += accuracy
    }
    return (100 * right) / 2000
  }
  const contestants: Readonly<Record<string, () => Decider>> = {
    ALERT: () => alert({ models: zoo }),
    'select, our budget': () => select({ models: zoo }),
    'static greedy': () => select({ models: zoo, rule: 'static-greedy' }),
    'static latency': () => select({ models: zoo, rule: 'static-latency' }),
  }
  const series = Object.entries(contestants).map(([name, make]) => ({
    name,
    points: deadlines.map((deadline) => [deadline, play(make(), deadline)] as const),
  }))
  for (const { name, points } of series) {
    const at = [60, 120, 200, 300, 400].map((ms) => points.find(([x]) => x === ms)?.[1].toFixed(1))
    console.log(`| ${name} | ${at.join(' | ')} |`)
  }
  writeFileSync(
    beside('baselines/alert.svg'),
    svg([
      {
        title: 'three times slower every other 200 messages',
        x: 'deadline, ms',
        y: '% right and in time',
        to: [400, 100],
        series,
      },
    ]),
  )
}

drawOffload()
drawAns()
drawMaui()
drawAlert()
