import { expect, test } from 'vitest'
import { catalogue, plan } from '../../../adapters/node/index.ts'
import { lte, story } from '../../../examples/quickstart/network.ts'
import { zooFolder } from '../../../examples/zoo/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { evenly, played, type Score } from './contest.ts'
import { patience } from './world.ts'

const models = catalogue(zooFolder)
const count = 240
/** What an answer of the cloud costs, in right answers. */
const price = 0.1

const policy = (cascade: boolean) => ({
  name: cascade ? 'with' : 'without',
  does: '',
  decides: true,
  decider: () => plan({ cascade, money: { request: price }, weights: { money: 1e-3 }, random: seededRandom(5) }),
})

const cloudAnswers = ({ course }: Score) => course.frames.filter(({ place }) => place !== 'answered').length
const worth = (score: Score) => score.rightAndOnTime * count - price * cloudAnswers(score)

test(
  'where the cloud has a price, a small model is asked first and the cloud where it is unsure, and that pays',
  async () => {
    const [first] = story(1e6, lte)
    const [with_, without] = (await played({
      models,
      count,
      rate: 4,
      sla: 200,
      phases: [first as NonNullable<typeof first>],
      policies: [policy(true), policy(false)],
      times: { run: (model) => 750 * (models.entry(model).latencyMs ?? 0), prepare: () => 30 },
      bytes: 80_000,
      cloud: (model) => 2 + (models.entry(model).latencyMs ?? 0),
      difficulty: evenly(count, 5),
    })) as [Score, Score]
    if (process.env.SHOW)
      for (const one of [with_, without]) console.log(one.policy, one.rightAndOnTime, cloudAnswers(one))
    // Some are answered here and some there, of one and the same stream.
    expect(cloudAnswers(with_)).toBeGreaterThan(count * 0.02)
    expect(cloudAnswers(with_)).toBeLessThan(count * 0.5)
    expect(worth(with_)).toBeGreaterThan(worth(without))
  },
  patience,
)
