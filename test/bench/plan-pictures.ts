/*
 * npx tsx test/bench/plan-pictures.ts
 *
 * Draws the picture of the planner's page and prints the figures of its table: simulated messages in a world of which
 * the planner knows nothing at first.
 */
import { writeFileSync } from 'node:fs'
import { type Decider, fixed, type Plan } from '../../pipeline/index.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'
import { plan } from '../../stages/index.ts'
import { Environment, usual } from '../stages/decide/plan/environment.ts'
import { svg } from './svg.ts'

const [messages, learning, deadline] = [500, 100, 300]
const rates = [0.2, 0.5, 1, 1.5, 2, 3, 5, 8, 12, 16]

/** Mbit/s as ms per byte. */
const byteOf = (rate: number) => 8e-3 / rate

/** % right and on time, behind what was learned first. */
function play(make: (env: Environment) => Decider, rate: number): number {
  const env = new Environment({ ...usual, byte: byteOf(rate) }, 3)
  const decider = make(env)
  const sizes = seededRandom(5)
  let right = 0
  for (let i = 0; i < messages; i++) {
    const bytes = 100_000 + Math.round(sizes() * 900_000)
    const { onTime, plan: chosen } = env.message(decider, { bytes, deadline })
    if (i >= learning && onTime) right += env.models.entry(chosen.model as string).accuracy
  }
  return (100 * right) / (messages - learning)
}

const statics: Readonly<Record<string, Plan>> = {
  'large, captured': { model: 'large', cut: 'captured' },
  'large, prepared': { model: 'large', cut: 'prepared', encoding: 'jpeg' },
  'medium, on the device': { model: 'medium', cut: 'answered' },
  'large, after: late': { model: 'large', cut: 'after:late' },
}

const contestants: Readonly<Record<string, (env: Environment) => Decider>> = {
  plan: (env) => plan({ models: env.models, random: env.random }),
  ...Object.fromEntries(
    Object.entries(statics).map(([name, { model = '', cut = 'captured', encoding = 'jpeg' }]) => [
      name,
      () => fixed({ model, cut, encoding }),
    ]),
  ),
}

const series = Object.entries(contestants).map(([name, make]) => ({
  name,
  points: rates.map((rate) => [rate, play(make, rate)] as const),
}))
for (const { name, points } of series) console.log(`| ${name} | ${points.map(([, y]) => y.toFixed(1)).join(' | ')} |`)
writeFileSync(
  new URL('../../stages/decide/plan/plan.svg', import.meta.url),
  svg([{ title: `deadline ${deadline} ms`, x: 'uplink, Mbit/s', y: '% right and on time', to: [16, 100], series }]),
)
