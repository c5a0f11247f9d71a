import { describe, expect, test } from 'vitest'
import { Phone } from '../../../examples/quickstart/phone.ts'
import type { Captured, ExecutorLost, Prepared } from '../../../pipeline/index.ts'
import { fakeClock } from '../../../pipeline/testing/index.ts'
import type { Executor, ExecutorFactory, ImageEngine, ModelSource } from '../../../stages/index.ts'

const picture: Captured = { form: 'image', at: 'captured', bytes: new Uint8Array(1000) }
const prepared: Prepared = { form: 'image', at: 'prepared', bytes: new Uint8Array(1), width: 1, height: 1 }

const images: ImageEngine = {
  measure: async () => ({ width: 1, height: 1 }),
  prepare: async () => prepared,
}

function executors(run: Executor['run'] = async () => ({ outputs: [], ms: 1 })): ExecutorFactory {
  return {
    kind: 'fake',
    start: async () => ({
      id: 'one',
      lost: new Promise<ExecutorLost>(() => {}),
      load: async () => ({ ms: 1, residentBytes: 1, inputs: [], outputs: [], batches: false }),
      unload: async () => {},
      run,
      close: async () => {},
      kill: () => {},
    }),
  }
}

const model = { key: 'k', name: 'nano' } as ModelSource

describe('an emulated phone', () => {
  const times = { run: (name: string) => (name === 'nano' ? 40 : 0), prepare: (bytes: number) => bytes / 100 }

  test('holds a run back until the phone would have made it, and says that it took so long', async () => {
    const clock = fakeClock()
    const phone = new Phone(images, executors(), times, clock)
    const executor = await phone.executors.start()
    await executor.load(model)
    let ms: number | undefined
    const run = executor.run('k', []).then((report) => {
      ms = report.ms
    })
    await clock.advance(39)
    expect(ms).toBeUndefined()
    await clock.advance(1)
    await run
    expect(ms).toBe(40)
    expect(phone.busy).toBe(40)
  })

  test('does one run at a time, and prepares beside it', async () => {
    const clock = fakeClock()
    const phone = new Phone(images, executors(), times, clock)
    const executor = await phone.executors.start()
    await executor.load(model)
    const ended: string[] = []
    const all = [
      executor.run('k', []).then(() => ended.push('first')),
      executor.run('k', []).then(() => ended.push('second')),
      phone.images.prepare(picture, {} as never, { encoding: 'jpeg' }).then(() => ended.push('prepared')),
    ]
    await clock.advance(10)
    expect(ended).toEqual(['prepared'])
    await clock.advance(30)
    expect(ended).toEqual(['prepared', 'first'])
    await clock.advance(40)
    await Promise.all(all)
    expect(ended).toEqual(['prepared', 'first', 'second'])
    expect(phone.busy).toBe(90)
  })

  test('passes a failure on, and does the next', async () => {
    const clock = fakeClock()
    let runs = 0
    const failing = executors(async () => {
      if (++runs === 1) throw new Error('no')
      return { outputs: [], ms: 1 }
    })
    const executor = await new Phone(images, failing, { run: () => 0, prepare: () => 0 }, clock).executors.start()
    await executor.load(model)
    await expect(executor.run('k', [])).rejects.toThrow('no')
    expect((await executor.run('k', [])).ms).toBe(1)
  })
})
