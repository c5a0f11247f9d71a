import { Subject } from 'rxjs'
import { afterEach, describe, expect, test } from 'vitest'
import { processExecutors } from '../../../adapters/onnx/index.ts'
import {
  BadConfiguration,
  type Item,
  type OpenStage,
  type ResultPayload,
  standaloneContext,
  systemClock,
  type Tensor,
  UnknownModel,
} from '../../../pipeline/index.ts'
import { tensorsMessage } from '../../../pipeline/testing/index.ts'
import { type Execute, type ExecuteEvent, type ExecuteOptions, execute } from '../../../stages/execute/index.ts'
import { fakeExecutors } from '../../../stages/execute/testing.ts'
import type { CatalogueEntry, ModelSource, Models } from '../../../stages/manage/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { writeModel } from '../../support/onnx-builder.ts'
import { classifier } from '../../support/small-models.ts'
import { model } from './pools.ts'

const labels = ['a', 'b', 'c', 'd', 'e']

function modelsOf(sources: readonly ModelSource[], width: (id: string) => number = () => 32): Models {
  const source = (id: string) => {
    const found = sources.find(({ name }) => name === id)
    if (found === undefined) throw new UnknownModel(id, [])
    return found
  }
  const entry = (id: string) =>
    ({
      id: source(id).name,
      labels,
      labelOffset: 0,
      input: { name: 'input', width: width(id) },
      output: { name: 'logits', kind: 'logits' },
    }) as unknown as CatalogueEntry
  return { ids: sources.map(({ name }) => name), source, entry } as unknown as Models
}

const open: OpenStage[] = []
afterEach(() => Promise.all(open.splice(0).map((each) => each.close())))

/** A cloud half of a stage, and a way to send it messages for the model `flowers`. */
async function half(options: Partial<ExecuteOptions> & Pick<ExecuteOptions, 'models' | 'executors'>) {
  const stage: Execute = execute({ memory: 1e9, size: 1, ...options })
  const opened = await stage.definition.open(standaloneContext({ side: 'cloud', node: 'here', order: 'none' }))
  open.push(opened)
  const inlet = new Subject<Item>()
  const waiting = new Map<string, (item: Item) => void>()
  inlet.pipe(opened.operator).subscribe((item) => waiting.get(item.id)?.(item))
  let sent = 0
  const ask = (tensors?: readonly Tensor[]) =>
    new Promise<Item>((resolve) => {
      const message = tensorsMessage(
        { n: sent++, plan: { model: 'flowers' }, expires: systemClock.now() + 60_000 },
        tensors,
      )
      waiting.set(message.id, resolve)
      inlet.next(message)
    })
  return { stage, ask }
}

const answeredBy = (item: Item) => (item.kind === 'message' ? (item.payload as ResultPayload).model : item.kind)

/** Keeps so many requests going, and notes who answered, and whether the roll-out was over when each was asked. */
async function underLoad(ask: () => Promise<Item>, width: number, until: () => boolean, isOver: () => boolean) {
  const answers: { readonly by: string; readonly after: boolean }[] = []
  const worker = async () => {
    while (!until()) {
      const after = isOver()
      answers.push({ by: answeredBy(await ask()), after })
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return answers
}

describe('a roll-out through execute()', () => {
  test('under load on real executors no message fails, and none that comes after it is answered by the old version', async () => {
    const folder = temporaryFolder()
    const versions = ['flowers', 'flowers-2'].map((name, seed) =>
      writeModel(folder, name, classifier({ seed: seed + 1 })),
    )
    const processes = processExecutors()
    const { stage, ask } = await half({
      models: modelsOf(versions),
      executors: { device: processes, cloud: processes },
      batch: { size: 4 },
      size: 2,
    })
    const picture: readonly Tensor[] = [
      { name: 'input', type: 'float32', shape: [1, 3, 32, 32], bytes: new Uint8Array(4 * 3 * 32 * 32) },
    ]
    let [over, asked] = [false, 0]
    const load = underLoad(
      () => {
        if (over) asked += 1
        return ask(picture)
      },
      16,
      () => asked >= 100,
      () => over,
    )
    expect(answeredBy(await ask(picture))).toBe('flowers')
    await stage.rollOut('flowers', 'flowers-2')
    over = true
    const answers = await load
    expect(new Set(answers.map(({ by }) => by))).toEqual(new Set(['flowers', 'flowers-2']))
    expect(new Set(answers.filter(({ after }) => after).map(({ by }) => by))).toEqual(new Set(['flowers-2']))
    expect(stage.statistics()[0]?.cache?.copies.map(({ model }) => model)).not.toContain('flowers')
  })

  test('is over only when what was begun under the old version has ended', async () => {
    const events: ExecuteEvent[] = []
    let finish = () => {}
    const held = new Promise<void>((resolve) => {
      finish = resolve
    })
    const factory = fakeExecutors({ clock: systemClock, answer: () => [logits], depth: 1 })
    const slow = {
      ...factory,
      async start() {
        const executor = await factory.start()
        const run: typeof executor.run = async (key, inputs, options) => {
          if (key === model('flowers').key) await held
          return executor.run(key, inputs, options)
        }
        return Object.assign(Object.create(executor) as typeof executor, { run })
      },
    }
    const { stage, ask } = await half({
      models: modelsOf([model('flowers'), model('flowers-2')]),
      executors: { device: slow, cloud: slow },
      size: 2,
      events: (event) => events.push(event),
    })
    const old = ask()
    let isOver = false
    const rolled = stage.rollOut('flowers', 'flowers-2').then(() => {
      isOver = true
    })
    while (!events.some(({ type }) => type === 'alias-moved')) await new Promise((resolve) => setTimeout(resolve, 1))
    // The name has moved: what comes now is answered by the new version, while the old one still works.
    expect(answeredBy(await ask())).toBe('flowers-2')
    expect(isOver).toBe(false)
    finish()
    expect(answeredBy(await old)).toBe('flowers')
    await rolled
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'evicted', model: 'flowers', reason: 'replaced', node: 'here' }),
    )
  })

  test('needs a memory, a model that is known, and one that takes the same input', async () => {
    const factory = fakeExecutors({ clock: systemClock })
    const executors = { device: factory, cloud: factory }
    const models = modelsOf([model('flowers'), model('flowers-2'), model('wide')], (id) => (id === 'wide' ? 64 : 32))
    const { stage } = await half({ models, executors })
    await expect(stage.rollOut('flowers', 'nobody')).rejects.toBeInstanceOf(UnknownModel)
    await expect(stage.rollOut('flowers', 'wide')).rejects.toThrow('another input')
    const plain = execute({ models, executors, size: 1 })
    open.push(await plain.definition.open(standaloneContext({ side: 'cloud' })))
    await expect(plain.rollOut('flowers', 'flowers-2')).rejects.toBeInstanceOf(BadConfiguration)
  })
})

describe('the statistics of execute()', () => {
  test('tell of each half that runs here its pool, its memory and where the time went, as plain values', async () => {
    const factory = fakeExecutors({ clock: systemClock, answer: () => [logits] })
    const { stage, ask } = await half({
      models: modelsOf([model('flowers')]),
      executors: { device: factory, cloud: factory },
    })
    expect(stage.statistics()[0]?.pool.times).toBeUndefined()
    for (let each = 0; each < 3; each++) await ask()
    const [here, ...others] = stage.statistics()
    expect(others).toEqual([])
    expect(here).toMatchObject({
      node: 'here',
      side: 'cloud',
      pool: { runs: 3, loads: 1, times: { run: { mean: 0 }, batch: { mean: 0 } } },
      cache: { requests: 3, cold: 1, hits: 2, coalescing: 1, hitRatio: 2 / 3, refused: {} },
    })
    expect(JSON.parse(JSON.stringify(here))).toMatchObject({ pool: { up: 1 }, cache: { loads: 1 } })
    await open.pop()?.close()
    expect(stage.statistics()).toEqual([])
  })
})

const logits: Tensor = {
  name: 'logits',
  type: 'float32',
  shape: [1, 5],
  bytes: new Uint8Array(new Float32Array([5, 4, 3, 2, 1]).buffer),
}
