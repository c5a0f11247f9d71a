import { describe, expect, test } from 'vitest'
import { memoryTransport } from '../../../adapters/memory/index.ts'
import { capture, decide, pipeline, preprocess, transfer } from '../../../adapters/node/index.ts'
import { type Answer, type Ready, type Result, type Side, stage } from '../../../pipeline/index.ts'
import { type Fault, faulty } from '../../../pipeline/testing/index.ts'
import { place } from '../../../stages/index.ts'
import { manualClock } from '../../support/manual-clock.ts'
import { engine, modelSet } from './support.ts'

const pictureBytes = 400_000
const fast: readonly Fault[] = [{ at: ['request'], bytesPerSecond: 50_000_000 }]
const slow: readonly Fault[] = [{ at: ['request'], bytesPerSecond: 500_000 }]

const answering = () =>
  stage<Ready, Result, Side>('answering', () => ({
    form: 'result',
    at: 'answered',
    model: 'a',
    label: 'yes',
    score: 1,
    top: [],
  }))

/** Sixty pictures over a fast, a slow and again a fast link; where the wire was for each but the first ten of each. */
async function places(window: number): Promise<string[][]> {
  const clock = manualClock()
  const transport = faulty(memoryTransport(), fast, { clock })
  const links = [fast, slow, fast]
  function* frames() {
    for (const link of links) {
      transport.use(link)
      for (let i = 0; i < 60; i++) yield new Uint8Array(pictureBytes)
    }
  }
  const running = pipeline(
    'live',
    { models: modelSet([{ id: 'a', accuracy: 0.9 }]), window, clock, embedded: () => transport },
    capture(frames()),
    decide(place()),
    preprocess({ images: engine(clock, 40) }),
    transfer(),
    preprocess({ images: engine(clock, 4) }),
    answering(),
  ).run()
  const answers: Answer[] = []
  const reading = (async () => {
    for await (const answer of running) answers.push(answer)
  })()
  let open = true
  void reading.finally(() => {
    open = false
  })
  while (open) await clock.advance(5)
  await reading
  return links.map((_, phase) =>
    answers.filter(({ seq }) => seq >= phase * 60 + 10 && seq < phase * 60 + 60).map((answer) => answer.place),
  )
}

describe('place in a running pipeline', () => {
  test.each([1, 2])(
    'with %i under way, decisions follow a link that slows down and recovers within ten messages each',
    async (window) => {
      const [first, second, third] = (await places(window)) as [string[], string[], string[]]
      const share = (phase: string[], where: string) => phase.filter((one) => one === where).length / 50
      expect(share(first, 'captured')).toBeGreaterThanOrEqual(0.9)
      // Behind a whole picture a small one is as late as that, which makes the whole one look worth another try.
      expect(share(second, 'prepared')).toBeGreaterThanOrEqual(window === 1 ? 0.9 : 0.8)
      expect(share(third, 'captured')).toBeGreaterThanOrEqual(0.9)
    },
  )
})
