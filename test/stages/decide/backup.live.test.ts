import { describe, expect, test } from 'vitest'
import { type Answer, type Capture, inCloud } from '../../../pipeline/index.ts'
import { collect, fakeClock } from '../../../pipeline/testing/index.ts'
import { backup } from '../../../stages/index.ts'
import { scene } from '../../pipeline/attempts.support.ts'
import { modelSet } from './support.ts'

const models = modelSet([
  { id: 'small', accuracy: 0.5, latencyMs: 30 },
  { id: 'large', accuracy: 0.8, latencyMs: 900 },
])

/** Sixty pictures, one each 300 ms: the cloud answers twenty, is dead for twenty, and is back. */
async function outage(options: Parameters<typeof backup>[0]) {
  const clock = fakeClock()
  const source = {
    name: 'stream',
    kind: 'pull' as const,
    async *open() {
      for (let n = 0; n < 60; n++) {
        all.use(n >= 20 && n < 40 ? [{ at: ['request'], drop: 1 }] : [])
        yield { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1000) } } as Capture
        await new Promise<void>((resolve) => clock.after(300, resolve))
      }
    },
  }
  const behave = (_message: unknown, side: 'device' | 'cloud') => ({ ms: side === 'device' ? 30 : 40 })
  const all = scene(source, [inCloud(), backup(options)], behave, { models, deadline: 200 }, clock)
  const running = all.pipe.run()
  const result = collect(running)
  await clock.advance(60_000)
  const { answers, counts } = await result
  return { answers, counts, log: all.log, statistics: running.statistics, pending: clock.pending }
}

const shown = (answers: readonly Answer[]) => answers.map(({ backup: stoodIn }) => stoodIn)

describe('backup() in a running pipeline', () => {
  test.each([{ when: 'always' }, { when: 'pays' }] as const)(
    '%o: every message is answered within its deadline, by the cloud wherever it is there',
    async (options) => {
      const { answers, counts, pending } = await outage(options)
      expect(counts).toEqual({ in: 60, results: 60, failures: 0, dropped: 0 })
      expect(answers.every(({ onTime }) => onTime)).toBe(true)
      expect(shown(answers)).toEqual(Array.from({ length: 60 }, (_, n) => n >= 20 && n < 40))
      expect(pending).toBe(0)
    },
  )

  test('that pays does not run while the cloud is in time', async () => {
    const { log, statistics } = await outage({ when: 'pays' })
    const onDevice = log.runs.filter((run) => run.startsWith('device')).map((run) => Number(run.split(' ')[2]))
    expect(onDevice.filter((seq) => seq >= 20 && seq < 40)).toHaveLength(20)
    expect(onDevice.length).toBeLessThan(25)
    expect(statistics.backups).toBe(onDevice.length)
  })
})
