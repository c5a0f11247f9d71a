import { describe, expect, test } from 'vitest'
import { type Decider, fixed, inCloud } from '../../../pipeline/index.ts'
import { type Network, seededRandom } from '../../../pipeline/testing/index.ts'
import { offload, place, plan, select, split } from '../../../stages/index.ts'
import { models, place as placed } from './models.ts'
import { type Phase, patience, play, type Scene, type Seen } from './world.ts'

const wifi: Network = { uplink: 100e6, rtt: 10, jitter: 2 }

const phone = placed(60, 500, 40)
const cloud = placed(10, 60, 4)

interface Case {
  readonly name: string
  readonly above: () => readonly Decider[]
  readonly below?: () => readonly Decider[]
  /** What is looked at, and what it should be on each network. */
  readonly what: (seen: Seen) => string | undefined
  readonly fast: string
  readonly slow: string
  readonly poor: Network
  /** All runs on the device while it is slow: only a probe can tell that it is over. */
  readonly blind?: boolean
  readonly change?: Partial<Scene>
}

const where = ({ answer }: Seen) => answer?.place
const which = ({ answer }: Seen) => answer?.model
const side = ({ answer }: Seen) => answer && (answer.place === 'answered' ? 'device' : 'cloud')

const cases: readonly Case[] = [
  {
    name: 'place',
    above: () => [place()],
    what: where,
    fast: 'captured',
    slow: 'prepared',
    poor: { uplink: 2e6, rtt: 80, jitter: 10 },
  },
  {
    name: 'select in the cloud',
    above: () => [inCloud()],
    below: () => [select({ random: seededRandom(7) })],
    what: which,
    fast: 'large',
    slow: 'small',
    // 80 ms for a picture.
    poor: { uplink: 20e6, rtt: 40, jitter: 4 },
    change: { options: { deadline: 160 } },
  },
  {
    name: 'place and select on the device',
    above: () => [place(), select({ random: seededRandom(7) })],
    what: which,
    fast: 'large',
    slow: 'small',
    poor: { uplink: 2e6, rtt: 80, jitter: 10 },
    change: { options: { deadline: 220 } },
  },
  {
    name: 'offload',
    above: () => [offload()],
    what: side,
    fast: 'cloud',
    slow: 'device',
    poor: { uplink: 2e6, rtt: 80, jitter: 10 },
    blind: true,
    change: { options: { deadline: 260 } },
  },
  {
    name: 'split',
    above: () => [fixed({ model: 'small' }), split()],
    what: side,
    fast: 'cloud',
    slow: 'device',
    poor: { uplink: 0.5e6, rtt: 150, jitter: 10 },
    blind: true,
  },
  {
    name: 'plan',
    above: () => [plan({ random: seededRandom(5) })],
    what: side,
    fast: 'cloud',
    slow: 'device',
    poor: { uplink: 0.5e6, rtt: 250, jitter: 10 },
    blind: true,
    change: { options: { deadline: 260 } },
  },
]

/** Milliseconds between two probes. */
const probeInterval = 5000
const every = 100

/** How many messages it took until nine of ten were as wanted, from then on. */
function learned(seen: readonly Seen[], { what }: Case, wanted: string): number {
  const right = seen.map((one) => what(one) === wanted)
  const from = right.findIndex(
    (one, n) => one && right.slice(n).filter(Boolean).length >= 0.9 * (right.length - n) && n <= right.length - 20,
  )
  return from < 0 ? Number.POSITIVE_INFINITY : from
}

describe('a network that changes in mid-stream', { timeout: patience }, () => {
  test('is the same, to the millisecond, as often as it is played', async () => {
    const traced = async () => {
      const { seen, wire } = await play({
        models: models(),
        device: phone,
        edges: { edge: cloud },
        above: [place(), select({ random: seededRandom(7) })],
        phases: [
          { network: wifi, messages: 30 },
          { network: { uplink: 2e6, rtt: 80, jitter: 10 }, messages: 30 },
        ],
        every,
        options: { deadline: 220 },
      })
      const trace = seen.map(({ answer, failure, from, to }) => [from, to, answer?.model, failure?.error.code])
      return { wire, trace }
    }
    expect(await traced()).toEqual(await traced())
  })

  test.each(cases.map((one) => [one.name, one] as const))(
    'changes what %s decides within ten messages, and back within ten or one probe interval',
    async (_name, one) => {
      const phases: Phase[] = [
        { network: wifi, messages: 60 },
        { network: one.poor, messages: 60 },
        { network: wifi, messages: 120 },
      ]
      const played = await play({
        models: models(),
        device: phone,
        edges: { edge: cloud },
        above: one.above(),
        ...(one.below ? { below: one.below() } : {}),
        phases,
        every,
        ...one.change,
      })
      if (process.env.SHOW)
        console.log(`${one.name}\n${[0, 1, 2].map((phase) => line(played.phase(phase), one)).join('\n')}`)
      const after = [one.fast, one.slow, one.fast].map((wanted, phase) => learned(played.phase(phase), one, wanted))
      expect(after[0]).toBeLessThanOrEqual(10)
      expect(after[1]).toBeLessThanOrEqual(10)
      expect(after[2]).toBeLessThanOrEqual(one.blind ? probeInterval / every + 10 : 10)
    },
  )
})

const line = (seen: readonly Seen[], { what }: Case) =>
  seen.map((one) => what(one)?.[0] ?? (one.failure ? '!' : '-')).join('')
