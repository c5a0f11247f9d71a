import { describe, expect, test } from 'vitest'
import { ModelLoadFailed } from '../../../pipeline/index.ts'
import { Residency } from '../../../stages/execute/residency.ts'
import { type FakeExecutor, fakeExecutors } from '../../../stages/execute/testing.ts'
import { manualClock, settled } from '../../support/manual-clock.ts'

const model = (name: string) => ({ key: `key-${name}`, name, path: `${name}.onnx`, sha256: '', bytes: 10 })

async function one(options: { loadMs?: number; onLoad?: () => void } = {}) {
  const clock = manualClock()
  const factory = fakeExecutors({ clock, ...options })
  const executor = (await factory.start()) as FakeExecutor
  return { clock, executor, residency: new Residency(executor) }
}

describe('what one executor holds', () => {
  test('a model is loaded once, however many ask while it loads and after', async () => {
    const { clock, executor, residency } = await one({ loadMs: 100 })
    const asked = [1, 2, 3].map(() => residency.load(model('a')))
    await clock.advance(100)
    await Promise.all(asked)
    await residency.load(model('a'))
    expect(executor.loads).toEqual(['a'])
  })

  test('a model counts as held only once it is loaded, and no longer once its unload begins', async () => {
    const { clock, residency } = await one({ loadMs: 100 })
    const load = residency.load(model('a'))
    await settled()
    expect(residency.has('key-a')).toBe(false)
    await clock.advance(100)
    await load
    expect(residency.has('key-a')).toBe(true)
    expect(residency.models().map(({ name }) => name)).toEqual(['a'])
    const unload = residency.unload('key-a')
    expect(residency.has('key-a')).toBe(false)
    await unload
    expect(residency.size).toBe(0)
  })

  test('a failed load is remembered and can be tried again', async () => {
    let broken = true
    const { residency } = await one({
      onLoad: () => {
        if (broken) throw new ModelLoadFailed('damaged')
      },
    })
    await expect(residency.load(model('a'))).rejects.toThrow(ModelLoadFailed)
    expect(residency.failure('key-a')).toBeInstanceOf(ModelLoadFailed)
    broken = false
    await residency.load(model('a'))
    expect(residency.failure('key-a')).toBeUndefined()
    expect(residency.has('key-a')).toBe(true)
  })
})
