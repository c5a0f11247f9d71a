import { describe, expect, it } from 'vitest'
import { BadConfiguration, Cancelled, ModelLoadFailed, Refused } from '../../../pipeline/index.ts'
import type { ModelSource, ModelSplit, ModelSplitter } from '../../../stages/execute/index.ts'
import { Splits } from '../../../stages/execute/splits.ts'
import { entry, modelsWithoutFiles } from '../../support/models.ts'

const model = modelsWithoutFiles([entry('m')]).source('m')

interface Asked {
  readonly layer: string
  resolve(): void
  reject(error: Error): void
}

/** A splitter whose splits end when the test says so. */
function splitter(): ModelSplitter & { readonly asked: Asked[]; next(): Promise<Asked> } {
  const asked: Asked[] = []
  return {
    asked,
    split(source: ModelSource, layer: string, signal?: AbortSignal) {
      return new Promise<ModelSplit>((resolve, reject) => {
        const part = (side: string) => ({ ...source, key: `${source.key} ${layer} ${side}` })
        const abort = () => reject(new Cancelled())
        signal?.addEventListener('abort', abort)
        const ended = () => signal?.removeEventListener('abort', abort)
        asked.push({
          layer,
          reject: (error) => {
            ended()
            reject(error)
          },
          resolve: () => {
            ended()
            resolve({ head: part('head'), tail: part('tail'), crossing: [layer] })
          },
        })
      })
    },
    /** The split that is asked for once promises have settled. */
    async next() {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
      return asked.at(-1) as Asked
    },
  }
}

describe('Splits', () => {
  it('makes one split for all who ask for the same', async () => {
    const engine = splitter()
    const splits = new Splits(engine)
    const both = Promise.all([splits.of(model, 'relu'), splits.of(model, 'relu')])
    ;(await engine.next()).resolve()
    const [one, other] = await both
    expect(other).toBe(one)
    expect(await splits.of(model, 'relu')).toBe(one)
    expect(engine.asked).toHaveLength(1)
  })

  it('makes one at a time, in the order they were asked for, also after one has failed', async () => {
    const engine = splitter()
    const splits = new Splits(engine)
    const [first, second] = [splits.of(model, 'a'), splits.of(model, 'b')]
    const a = await engine.next()
    expect(engine.asked.map(({ layer }) => layer)).toEqual(['a'])
    a.reject(new ModelLoadFailed('no memory'))
    await expect(first).rejects.toThrow('no memory')
    ;(await engine.next()).resolve()
    expect((await second).crossing).toEqual(['b'])
  })

  it('remembers that a cut does not exist, and tries again what failed for another reason', async () => {
    const engine = splitter()
    const splits = new Splits(engine)
    const wrong = splits.of(model, 'nowhere')
    ;(await engine.next()).reject(new BadConfiguration('no such cut'))
    await expect(wrong).rejects.toThrow('no such cut')
    await expect(splits.of(model, 'nowhere')).rejects.toThrow('no such cut')
    expect(engine.asked).toHaveLength(1)

    const passing = splits.of(model, 'relu')
    ;(await engine.next()).reject(new ModelLoadFailed('no memory'))
    await expect(passing).rejects.toThrow('no memory')
    const again = splits.of(model, 'relu')
    ;(await engine.next()).resolve()
    expect((await again).crossing).toEqual(['relu'])
  })

  it('forgets those not asked for longest, however many names come off the wire', async () => {
    const engine = splitter()
    const splits = new Splits(engine)
    const make = async (layer: string) => {
      const split = splits.of(model, layer)
      ;(await engine.next()).resolve()
      await split
    }
    await make('used')
    await make('unused')
    for (let index = 0; index < 255; index++) {
      await make(`layer${index}`)
      await splits.of(model, 'used')
    }
    const made = engine.asked.length
    await splits.of(model, 'used')
    expect(engine.asked).toHaveLength(made)
    await make('unused')
    expect(engine.asked).toHaveLength(made + 1)
  })

  it('refuses what comes when too many wait, and takes more once they are made', async () => {
    const engine = splitter()
    const splits = new Splits(engine)
    const waiting = [splits.of(model, 'running')]
    await engine.next()
    for (let index = 0; index < 16; index++) waiting.push(splits.of(model, `layer${index}`))
    await expect(splits.of(model, 'one-more')).rejects.toThrow(Refused)
    for (const split of waiting) {
      ;(await engine.next()).resolve()
      await split
    }
    const later = splits.of(model, 'one-more')
    ;(await engine.next()).resolve()
    expect((await later).crossing).toEqual(['one-more'])
  })

  it('ends the split being made, and those that wait, when it is closed', async () => {
    const engine = splitter()
    const splits = new Splits(engine)
    const both = [splits.of(model, 'a'), splits.of(model, 'b')]
    await engine.next()
    const closed = splits.close()
    for (const split of both) await expect(split).rejects.toThrow(Cancelled)
    await closed
    expect(engine.asked.map(({ layer }) => layer)).toEqual(['a'])
  })
})
