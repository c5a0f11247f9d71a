import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { catalogue, models } from '../../../adapters/catalogue/index.ts'
import { processExecutors } from '../../../adapters/onnx/index.ts'
import { zooFolder } from '../../../examples/zoo/index.ts'
import { ModelLoadFailed, type Tensor } from '../../../pipeline/index.ts'
import { type Executor, type ExecutorPool, executorPool, type ModelSource } from '../../../stages/execute/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { type Graph, type Node, onnx, writeModel } from '../../support/onnx-builder.ts'
import { classifier, identity, seeded } from '../../support/small-models.ts'

const folder = temporaryFolder()
const factory = processExecutors()
let executor: Executor
beforeAll(async () => {
  executor = await factory.start({ batching: true })
})
afterAll(() => executor.close())

/** `x` `[n, 4]` → these nodes → `y` `[n, 4]`. */
const rows = (nodes: readonly Node[], weights: Graph['weights'] = []) =>
  onnx({ inputs: [{ name: 'x', shape: ['n', 4] }], outputs: [{ name: 'y', shape: ['n', 4] }], nodes, weights })

const centred = rows([
  { type: 'ReduceMean', inputs: ['x'], outputs: ['m'], attributes: { axes: [0], keepdims: 1 } },
  { type: 'Sub', inputs: ['x', 'm'], outputs: ['y'] },
])
const running = rows(
  [{ type: 'CumSum', inputs: ['x', 'axis'], outputs: ['y'] }],
  [{ name: 'axis', shape: [], values: BigInt64Array.of(0n) }],
)
const quantised = rows([
  { type: 'DynamicQuantizeLinear', inputs: ['x'], outputs: ['q', 's', 'z'] },
  { type: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['y'] },
])
const counted = rows(
  [
    { type: 'Shape', inputs: ['x'], outputs: ['shape'] },
    { type: 'Gather', inputs: ['shape', 'first'], outputs: ['n'] },
    { type: 'Cast', inputs: ['n'], outputs: ['f'], attributes: { to: 1 } },
    { type: 'Div', inputs: ['x', 'f'], outputs: ['y'] },
  ],
  [{ name: 'first', shape: [], values: BigInt64Array.of(0n) }],
)
const deaf = rows([{ type: 'Sub', inputs: ['x', 'x'], outputs: ['y'] }])

const batches = async (name: string, bytes: Uint8Array, change: Partial<ModelSource> = {}) => {
  const model = { ...writeModel(folder, name, bytes), ...change }
  const report = await executor.load(model)
  await executor.unload(model.key)
  return report.batches
}

describe('whether a model is run on several pictures at once', () => {
  test('it is where rows have the answers that they have alone', async () => {
    expect(await batches('classifier', classifier())).toBe(true)
    expect(await batches('halves', identity('float16', ['n', 8]))).toBe(true)
    expect(await batches('longs', identity('int64', ['n', 64]))).toBe(true)
  })

  test('it is not where rows influence each other: by a mean, a sum, a common scale, their number', async () => {
    expect(await batches('centred', centred)).toBe(false)
    expect(await batches('running', running)).toBe(false)
    expect(await batches('quantised', quantised)).toBe(false)
    expect(await batches('counted', counted)).toBe(false)
  })

  test('it is not where nothing can be told: one size of a batch, free sizes, an answer that is always the same', async () => {
    expect(await batches('one', identity('float32', [1, 4]))).toBe(false)
    expect(await batches('four', identity('float32', [4, 4]))).toBe(false)
    expect(await batches('free', identity('float32', ['n', 'wide']))).toBe(false)
    expect(await batches('deaf', deaf)).toBe(false)
  })

  test('it is not where its catalogue entry says so, or nobody asked', async () => {
    expect(await batches('never', classifier({ seed: 7 }), { batch: false })).toBe(false)
    const plain = await factory.start()
    try {
      expect((await plain.load(writeModel(folder, 'plain', classifier({ seed: 8 })))).batches).toBe(false)
    } finally {
      await plain.close()
    }
  })

  test('it is for every model of the zoo', async () => {
    const zoo = catalogue(zooFolder)
    for (const id of zoo.ids) expect([id, (await executor.load(zoo.source(id))).batches]).toEqual([id, true])
  })

  describe('in a pool', () => {
    const open: ExecutorPool[] = []
    afterEach(() => Promise.all(open.splice(0).map((each) => each.close())))

    test('a model whose rows influence each other answers as it does alone', async () => {
      const model = writeModel(folder, 'centred', centred)
      const pool = executorPool({ factory, size: 1, batch: { size: 8 } })
      open.push(pool)
      const row = (seed: number): readonly Tensor[] => [
        { name: 'x', type: 'float32', shape: [1, 4], bytes: new Uint8Array(seeded(4, seed).buffer) },
      ]
      const reports = await Promise.all(Array.from({ length: 30 }, (_, seed) => pool.run(model, row(seed))))
      for (const { outputs, batch } of reports) {
        expect(batch).toBe(1)
        // Less its own mean, each is nothing.
        expect([...(outputs[0]?.bytes ?? [1])].every((byte) => byte === 0)).toBe(true)
      }
    })
  })
})

describe('what a catalogue entry says of a model', () => {
  const softmaxed = (size: number) =>
    onnx({
      inputs: [{ name: 'input', shape: ['n', 3, size, size] }],
      outputs: [{ name: 'scores', shape: ['n', 3] }],
      weights: [],
      nodes: [
        { type: 'GlobalAveragePool', inputs: ['input'], outputs: ['p'] },
        { type: 'Flatten', inputs: ['p'], outputs: ['f'], attributes: { axis: 1 } },
        { type: 'Softmax', inputs: ['f'], outputs: ['scores'] },
      ],
    })
  const detector = onnx({
    inputs: [{ name: 'input', shape: [1, 3, 8, 8] }],
    outputs: [{ name: 'logits', shape: [1, 48, 4] }],
    weights: [{ name: 'shape', shape: [3], values: BigInt64Array.of(1n, 48n, 4n) }],
    nodes: [{ type: 'Reshape', inputs: ['input', 'shape'], outputs: ['logits'] }],
  })
  /** The same, but its file does not say what it gives. */
  const silent = onnx({
    inputs: [{ name: 'input', shape: [1, 3, 8, 8] }],
    outputs: [{ name: 'logits', shape: ['a', 'b', 'c'] }],
    weights: [{ name: 'shape', shape: [3], values: BigInt64Array.of(1n, 48n, 4n) }],
    nodes: [{ type: 'Reshape', inputs: ['input', 'shape'], outputs: ['logits'] }],
  })
  const labels = (count: number) => Array.from({ length: count }, (_, at) => `label ${at}`)

  let made = 0
  async function load(bytes: Uint8Array, change: object = {}): Promise<string> {
    const { sha256, bytes: size } = writeModel(folder, `described-${++made}`, bytes)
    const entry = {
      id: `described-${made}`,
      file: `described-${made}.onnx`,
      sha256,
      bytes: size,
      input: { name: 'input', width: 8, height: 8, mean: [127, 127, 127], std: [64, 64, 64] },
      output: { name: 'logits' },
      labels: labels(5),
      accuracy: 0.5,
      licence: 'MIT',
      ...change,
    } as Parameters<typeof models>[0][0]
    const source = models([entry], folder).source(entry.id)
    return executor.load(source).then(
      async () => {
        await executor.unload(source.key)
        return 'loaded'
      },
      (error: Error) => {
        expect(error).toBeInstanceOf(ModelLoadFailed)
        return error.message
      },
    )
  }

  test('holds where it is true', async () => {
    expect(await load(classifier({ size: 8 }))).toBe('loaded')
    expect(await load(classifier({ size: 8, classes: 6 }), { labelOffset: 1 })).toBe('loaded')
    const kind = 'probabilities'
    expect(await load(softmaxed(8), { labels: labels(3), output: { name: 'scores', kind } })).toBe('loaded')
  })

  test('is refused at load, by name, where there are more or fewer labels than values', async () => {
    expect(await load(classifier({ size: 8, classes: 6 }))).toMatch(/"logits" float32 \[n,6\], and there are 5 values/)
    expect(await load(classifier({ size: 8, classes: 4 }))).toMatch(/\[n,4\], and there are 5 values/)
    expect(await load(classifier({ size: 8 }), { labelOffset: 1 })).toMatch(/there are 6 values/)
  })

  test('is refused at load where the model gives rows of values, also where its file does not say so', async () => {
    for (const bytes of [detector, silent]) {
      expect(await load(bytes, { labels: labels(4) })).toMatch(/such as a detector, is no classifier/)
      expect(await load(bytes, { labels: labels(192) })).toMatch(/is no classifier/)
    }
  })

  test('is refused at load where probabilities are logits, and logits probabilities', async () => {
    const output = { name: 'logits', kind: 'probabilities' }
    expect(await load(classifier({ size: 8 }), { output })).toMatch(/Say output.kind: 'logits'/)
    const scores = { labels: labels(3), output: { name: 'scores' } }
    expect(await load(softmaxed(8), scores)).toMatch(/Say output.kind: 'probabilities'/)
  })

  test('is refused at load where the input or the output is another', async () => {
    expect(await load(classifier({ size: 16 }))).toMatch(/\[n,3,16,16\], and is to be given float32 \[1,3,8,8\]/)
    expect(await load(classifier({ size: 8 }), { output: { name: 'scores' } })).toMatch(/no output "scores".*"logits"/)
    const input = { name: 'picture', width: 8, height: 8 }
    expect(await load(classifier({ size: 8 }), { input })).toMatch(/no input "picture".*"input"/)
    const nhwc = { name: 'input', width: 8, height: 8, layout: 'NHWC' }
    expect(await load(classifier({ size: 8 }), { input: nhwc })).toMatch(/given float32 \[1,8,8,3\]/)
  })
})
