import { describe, expect, it } from 'vitest'
import { memoryBroker } from '../../adapters/memory/index.ts'
import { type Captured, pipeline, type Result, sleep, stage } from '../../pipeline/index.ts'
import { type Camera, camera, collect, fakeClock } from '../../pipeline/testing/index.ts'
import { transfer } from '../../stages/index.ts'

/** What a call takes for pictures of each device, ms; another's never ends. */
const takes: Readonly<Record<string, number>> = { polite: 30, fellow: 30, greedy: 200 }

/** Devices that show so many frames a second for ten seconds to one node with four places: the answers of each. */
async function played(rates: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const clock = fakeClock()
  const broker = memoryBroker()
  const flowOf = (source: Camera) =>
    pipeline(
      'fairness',
      { clock, deadline: 2000 },
      source,
      transfer(),
      stage<Captured, Result, 'cloud'>(
        'work',
        async (message) => {
          const ms = takes[message.source.slice(0, message.source.indexOf('.'))]
          if (ms === undefined) await new Promise(() => {})
          else await sleep(clock, ms)
          return { form: 'result', at: 'answered', model: 'none', label: 'done', score: 1, top: [] }
        },
        { concurrency: 4 },
      ),
    )
  await flowOf(camera()).cloud(broker.connect({ clock }), { node: 'cloud' })
  const devices = await Promise.all(
    Object.entries(rates).map(async ([node, rate]) => {
      const source = camera()
      return { node, rate, source, all: collect(await flowOf(source).device(broker.connect({ clock }), { node })) }
    }),
  )
  const shown = new Map<string, number>()
  for (let now = 0; now < 10_000; now += 10) {
    for (const { node, rate, source } of devices) {
      const due = Math.floor((now * rate) / 1000)
      for (let n = shown.get(node) ?? 0; n < due; n++) source.show()
      shown.set(node, due)
    }
    await clock.advance(10)
  }
  for (const { source } of devices) source.end()
  await clock.advance(30_000)
  const answers: Record<string, number> = {}
  for (const { node, all } of devices) {
    const { counts } = await all
    expect(counts.in).toBe(counts.results + counts.failures + counts.dropped)
    answers[node] = counts.results
  }
  return answers
}

describe('devices that share a node', () => {
  it('keep what they have alone beside one that takes all it gets and one whose calls never end', async () => {
    const polite = { polite: 10, fellow: 10 }
    const alone = await played(polite)
    const beside = await played({ ...polite, greedy: 100, endless: 20 })
    for (const device of Object.keys(polite)) {
      expect(alone[device]).toBeGreaterThan(90)
      expect(beside[device]).toBeGreaterThanOrEqual(0.95 * (alone[device] as number))
    }
  })

  it('have all of it where their calls are short, whoever else is about', async () => {
    // Four places, 200 ms each: 200 in ten seconds, of which the other one takes less than a tenth.
    const { greedy, polite } = await played({ greedy: 40, polite: 5 })
    expect(polite).toBeGreaterThan(45)
    expect(greedy).toBeGreaterThan(170)
  })
})
