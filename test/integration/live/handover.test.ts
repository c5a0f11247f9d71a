import { describe, expect, test } from 'vitest'
import { type Decider, fixed } from '../../../pipeline/index.ts'
import { type Network, seededRandom } from '../../../pipeline/testing/index.ts'
import { offload, place, plan, split } from '../../../stages/index.ts'
import { models, place as placed } from './models.ts'
import { patience, play, type Scene, type Seen } from './world.ts'

const near: Network = { uplink: 100e6, rtt: 10, jitter: 2 }
const far: Network = { uplink: 3e6, rtt: 60, jitter: 5 }
interface Case {
  readonly above: () => readonly Decider[]
  readonly what: (seen: Seen) => string | undefined
  /** What is right at each edge. */
  readonly near: string
  readonly far: string
  readonly change?: Partial<Scene>
}

const cases: readonly (readonly [string, Case])[] = [
  ['place', { above: () => [place()], what: ({ answer }) => answer?.place, near: 'captured', far: 'prepared' }],
  [
    'offload',
    {
      above: () => [offload()],
      what: ({ answer }) => answer?.model,
      near: 'large',
      far: 'small',
      change: { options: { deadline: 260 } },
    },
  ],
  [
    'split',
    {
      above: () => [fixed({ model: 'large' }), split()],
      what: ({ answer }) => (answer?.place === 'captured' ? 'captured' : 'later'),
      near: 'captured',
      far: 'later',
    },
  ],
  [
    'plan',
    {
      above: () => [plan({ random: seededRandom(3) })],
      what: ({ answer }) => answer?.model,
      near: 'large',
      far: 'small',
      change: { options: { deadline: 260 } },
    },
  ],
]

describe('a handover between two edges of unlike speed', { timeout: patience }, () => {
  test.each(cases)('is learned by %s in ten messages, and remembered', async (_name, one) => {
    const { phase } = await play({
      models: models(),
      device: placed(120, 900, 40),
      edges: { near: placed(10, 60, 4), far: placed(20, 150, 10) },
      above: one.above(),
      phases: [
        { network: near, messages: 40 },
        { network: far, messages: 40, edge: 'far' },
        { network: near, messages: 40, edge: 'near' },
        { network: far, messages: 40, edge: 'far' },
        { network: near, messages: 40, edge: 'near' },
      ],
      every: 100,
      ...one.change,
    })
    if (process.env.SHOW) {
      for (const i of [0, 1, 2, 3, 4])
        console.log(
          phase(i)
            .map((s) => one.what(s)?.[0] ?? '!')
            .join(''),
        )
    }
    const right = (index: number, from: number) => {
      const later = phase(index).slice(from)
      const wanted = index % 2 === 0 ? one.near : one.far
      return later.filter((seen) => one.what(seen) === wanted).length / later.length
    }
    for (const index of [0, 1, 2, 3, 4]) expect(right(index, 10)).toBeGreaterThanOrEqual(0.9)
    // Known ground: what was learned there is found again as soon as an answer says where it is.
    for (const index of [2, 3, 4]) expect(right(index, 3)).toBeGreaterThanOrEqual(0.9)
  })
})
