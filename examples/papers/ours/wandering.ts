import { mean } from 'simple-statistics'
import { constantRate, steps } from '../../../adapters/link/index.ts'
import { type Frame, random, type ScenarioInput } from '../../../adapters/simulation/index.ts'
import { fixed } from '../../../pipeline/index.ts'
import { EnergyModel } from '../../../stages/index.ts'
import { type Cell, cells } from '../neurosurgeon/index.ts'
import { type Effort, warmUp } from '../paper.ts'
import { best, type Contest } from './contest.ts'
import { contenders, cutAt, powers } from './neurosurgeon.ts'
import { type Parted, parted, sceneOf } from './parted.ts'
import { energyOf, type Measure, play, type Trial } from './play.ts'
import type { Contender } from './policies.ts'
import { tuningSeeds } from './traces.ts'

/** ms from one picture to the next, for which a level holds. */
const apart = 1000
/** The chance that a level heads elsewhere, and the share of the way there that it makes at once. */
const [turns, reaches] = [0.01, 0.2]
/** bit/s of an uplink that does not wander: Wi-Fi's. */
const steady = 12.8e6

/** How things are for a while. */
interface Level {
  /** bit/s */
  readonly uplink: number
  /** How many times longer than usual the cloud takes. */
  readonly slower: number
}

/** What wanders, by a number of 0…1. */
interface Wander {
  readonly name: string
  readonly at: (level: number) => Level
}

const wanders: readonly Wander[] = [
  { name: 'uplink of 0.5 to 30 Mbit/s', at: (level) => ({ uplink: 0.5e6 * 60 ** level, slower: 1 }) },
  { name: 'server 1 to 20 times slower', at: (level) => ({ uplink: steady, slower: 20 ** level }) },
]

/** AlexNet on the GPU while its uplink wanders, or the server's load: another way each seed, the same for every policy. */
export function* wanderingContests({ seeds, quick }: Effort): Generator<Contest> {
  const frames = warmUp + (quick ? 200 : 500)
  const count = quick ? Math.ceil(seeds / 4) : seeds
  const isMeant = ({ device, radio, network }: Cell) =>
    device === 'GPU' && radio === 'WiFi' && network.application === 'IMC'
  const one = parted(cells.find(isMeant) as Cell)
  for (const wander of wanders) {
    const tuned = tunedCut(one, wander, frames)
    const runs = new Map<string, Trial[]>()
    for (let seed = 1; seed <= count; seed++) {
      const way = new Way(one, wander, seed, frames)
      const known = contenders(one, 'latency', (now) => way.least(now))
      for (const contender of [always(one, tuned), ...known]) {
        const trial = play(way.scene(), contender, seed, frames, way.measure())
        runs.set(contender.name, [...(runs.get(contender.name) ?? []), trial])
      }
    }
    const name = `Neurosurgeon: AlexNet on the GPU, ${wander.name}`
    yield { ground: name, name, counts: 'cost', unit: 'ms', runs }
  }
}

/** The cut that does best when it is always taken, on ways that are not tested on. */
function tunedCut(one: Parted, wander: Wander, frames: number): number {
  const ways = tuningSeeds.map((seed) => [seed, new Way(one, wander, seed, frames)] as const)
  const costs = one.costs.cuts.map((_, at) =>
    mean(ways.map(([seed, way]) => play(way.scene(), always(one, at), seed, frames, way.measure()).value)),
  )
  return costs.indexOf(Math.min(...costs))
}

function always({ cell, costs }: Parted, at: number): Contender {
  const policy = { name: best, device: [fixed({ model: cell.network.name, cut: cutAt(costs.cuts, at) })] }
  return { name: best, begin: () => policy }
}

/** One way that conditions go. */
class Way {
  readonly #one: Parted
  readonly #at: readonly Level[]

  constructor(one: Parted, { at }: Wander, seed: number, frames: number) {
    this.#one = one
    const { uniform } = random(seed, 'wander')
    let [level, target] = [0.5, 0.5]
    // What is captured last may take a while.
    this.#at = Array.from({ length: frames + 100 }, () => {
      if (uniform() < turns) target = uniform()
      level += reaches * (target - level)
      return at(level)
    })
  }

  scene(): ScenarioInput {
    const up = steps(this.#at.map(({ uplink }, i) => ({ at: i * apart, bitsPerSecond: uplink })))
    const slowdown = this.#at.map(({ slower }, i) => ({ at: i * apart, factor: slower }))
    const varies = slowdown.some(({ factor }) => factor > 1)
    const scene = sceneOf(this.#one, {
      link: { kind: 'rates', up, down: constantRate(steady), answerBytes: 0 },
      slowdown: varies ? slowdown : [],
    })
    return { ...scene, captures: { ...scene.captures, arrive: { kind: 'every', ms: apart } } }
  }

  /** The cut that is expected to take least as things are now. */
  least(now: number): number {
    const level = this.#level(now)
    const times = this.#one.costs.cuts.map((_, at) => this.#ms(at, level, 1, 1))
    return times.indexOf(Math.min(...times))
  }

  measure(): Measure {
    const phone = new EnergyModel(powers(this.#one.cell))
    return {
      value: ({ latency }) => latency,
      bound: ({ captured, fate }) => {
        // Whatever is best is done before the level changes twice.
        const kindest = this.#kindest(captured)
        return Math.min(...this.#one.costs.cuts.map((_, at) => this.#ms(at, kindest, fate.deviceRun, fate.run)))
      },
      beside: (frame: Frame) => ({ mJ: energyOf(frame, phone), 'bytes up': frame.sent }),
    }
  }

  #level(now: number): Level {
    return this.#at[Math.floor(now / apart)] as Level
  }

  /** The better of now and of what follows. */
  #kindest(now: number): Level {
    const [one, other] = [this.#level(now), this.#level(now + apart)]
    return { uplink: Math.max(one.uplink, other.uplink), slower: Math.min(one.slower, other.slower) }
  }

  /** ms of a frame that is alone, as long as things stay so. */
  #ms(at: number, { uplink, slower }: Level, here: number, there: number): number {
    const { before, behind, bytes, cuts } = this.#one.costs
    const crosses = at < cuts.length - 1
    const head = (before[at] as number) * here
    if (!crosses) return head
    return head + ((bytes[at] as number) * 8000) / uplink + (behind[at] as number) * there * slower
  }
}
