import { describe, expect, it } from 'vitest'
import { candidates } from '../../../../adapters/onnx/graph/cuts.ts'
import { type Model, readModel, withRunShapes } from '../../../../adapters/onnx/graph/index.ts'
import { shapesByRun } from '../../../../adapters/onnx/graph/run-shapes.ts'
import { asset, assetModels, haveAssets, kinds, zooModels } from './assets.ts'
import { type Draft, declares, floats, graph, longs, node, scalar, truth, weights, write } from './build.ts'
import { folder } from './folder.ts'

const at = folder()

const layer = (model: Model, name: string) => model.layers.find((one) => one.name === name)

/** Convolution, then `x.view(x.size(0), -1)` as PyTorch exports it, then a product. */
function viewed(view: Draft['nodes'], more: Draft['weights'] = []): Draft {
  return {
    inputs: { x: ['N', 3, 14, 14] },
    outputs: { y: ['N', 10] },
    nodes: [
      node('Conv', 'x k', 'c', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
      node('Relu', 'c', 'r'),
      ...view,
      node('Gemm', 'v fc', 'g'),
      node('Softmax', 'g', 'y'),
    ],
    weights: [
      weights('k', [8, 3, 3, 3]),
      weights('fc', [1568, 10]),
      scalar('zero', 0),
      longs('ax', [0]),
      longs('m1', [-1]),
      ...more,
    ],
  }
}

const views: Readonly<Record<string, Draft>> = {
  'Gather and Unsqueeze': viewed([
    node('Shape', 'r', 's'),
    node('Gather', 's zero', 'n', { axis: 0 }),
    node('Unsqueeze', 'n ax', 'u'),
    node('Concat', 'u m1', 'to', { axis: 0 }),
    node('Reshape', 'r to', 'v'),
  ]),
  'a slice of the shape': viewed(
    [
      node('Shape', 'r', 's'),
      node('Slice', 's ax one', 'u'),
      node('Concat', 'u m1', 'to', { axis: 0 }),
      node('Reshape', 'r to', 'v'),
    ],
    [longs('one', [1])],
  ),
  'a product of sides': viewed(
    [
      node('Shape', 'r', 's'),
      node('Slice', 's ax one', 'u'),
      node('Slice', 's one four', 'rest'),
      node('ReduceProd', 'rest', 'p', { axes: [0], keepdims: 1 }),
      node('Concat', 'u p', 'to', { axis: 0 }),
      node('Reshape', 'r to', 'v'),
    ],
    [longs('one', [1]), longs('four', [4])],
  ),
  'a cast, as resized sides are': viewed(
    [
      node('Shape', 'r', 's'),
      node('Cast', 's', 'f', { to: 1 }),
      node('Floor', 'f', 'fl'),
      node('Cast', 'fl', 'i', { to: 7 }),
      node('Slice', 'i ax one', 'u'),
      node('Concat', 'u m1', 'to', { axis: 0 }),
      node('Reshape', 'r to', 'v'),
    ],
    [longs('one', [1])],
  ),
}

describe('a shape that is computed from shapes', () => {
  it.each(Object.entries(views))('is known without a run: %s', async (name, draft) => {
    const path = await write(at(`${name}.onnx`), draft)
    const model = await readModel(path)
    expect(layer(model, 'v')?.outputs).toEqual([{ name: 'v', type: 'float32', shape: [1, 1568], bytes: 6272 }])
    expect(layer(model, 'g')?.macs).toBe(15_680)
    expect(candidates(model).all.find((cut) => cut.name === 'v')?.bytes).toBe(6272)
    // The batch stays free in head and tail.
    expect(model.shapes.symbolic.get('v')).toEqual(['N', 1568])
    expect((await readModel(path, { dimensions: { N: 3 } })).shapes.tensors.get('v')?.shape).toEqual([3, 1568])
  })
})

/** A size that no static look finds: a sum over a computed tensor that is always the same would be data. */
const counted: Draft = {
  inputs: { x: [4, 6] },
  outputs: { e: [], f: [2] },
  nodes: [
    node('Relu', 'x', 'a'),
    node('NonZero', 'a', 'n'),
    node('Cast', 'n', 'f', { to: 1 }),
    node('Neg', 'f', 'm'),
    node('ReduceSum', 'm', 'e', { keepdims: 0 }),
  ],
}

describe('a shape that only the data decide', () => {
  it('is said to be unknown, before and after a run, and no cut goes through it', async () => {
    const model = await readModel(await write(at('counted.onnx'), counted))
    expect(layer(model, 'n')).toMatchObject({
      outputBytes: undefined,
      outputs: [{ shape: undefined, bytes: undefined }],
    })
    // A scalar is known: its shape has no sides.
    expect(layer(model, 'e')?.outputs[0]).toMatchObject({ shape: [], bytes: 4 })
    const run = await withRunShapes(model)
    expect(run).toEqual({ model, found: [] })
    expect(candidates(model).all.flatMap(({ crossing }) => crossing.map(({ name }) => name))).not.toContain('m')
  })
})

describe('a shape that is open without a run', () => {
  it('is taken from a run in a process of its own, with the work behind it', async () => {
    // Sequences hide the shapes of what they hold from the runtime's inference.
    const draft: Draft = {
      inputs: { x: ['N', 8] },
      outputs: { y: ['N', 5] },
      nodes: [
        node('Relu', 'x', 'a'),
        node('SplitToSequence', 'a', 'seq', { axis: 1, keepdims: 1 }),
        node('ConcatFromSequence', 'seq', 'b', { axis: 1 }),
        node('MatMul', 'b w', 'c'),
        node('Softmax', 'c', 'y'),
      ],
      weights: [weights('w', [8, 5])],
    }
    const model = await readModel(await write(at('sequence.onnx'), draft))
    expect(layer(model, 'b')?.outputBytes).toBeUndefined()
    expect(layer(model, 'c')?.macs).toBeUndefined()
    expect(candidates(model).all.map(({ name }) => name)).not.toContain('b')
    const { model: run, found } = await withRunShapes(model)
    expect(found).toContain('b')
    expect(layer(run, 'b')).toMatchObject({ outputBytes: 32 })
    expect(layer(run, 'c')).toMatchObject({ macs: 40 })
    expect(candidates(run).all.map(({ name }) => name)).toContain('b')
  })

  it('is kept where the file declares it', async () => {
    const path = at('declared.onnx')
    await write(path, {
      inputs: { x: [1, 8] },
      outputs: { y: [1, 8] },
      nodes: [
        node('SplitToSequence', 'x', 'seq', { axis: 1, keepdims: 1 }),
        node('ConcatFromSequence', 'seq', 'y', { axis: 1 }),
      ],
    })
    expect((await readModel(path)).outputs).toMatchObject([{ name: 'y', shape: [1, 8], bytes: 32 }])
  })
})

describe('work inside inner graphs', () => {
  const body = (out: string): ReturnType<typeof graph> =>
    graph({ inputs: {}, outputs: { [out]: [1, 4] }, nodes: [node('MatMul', 'x w', out)] })
  const small = graph({ inputs: {}, outputs: { o2: [1, 4] }, nodes: [node('Neg', 'x', 'o2')] })

  it('counts as that of the dearer branch of If', async () => {
    const model = await readModel(
      await write(at('if.onnx'), {
        inputs: { x: [1, 4] },
        outputs: { y: [1, 4] },
        nodes: [
          node('ReduceSum', 'x', 's', { keepdims: 0 }),
          node('Greater', 's limit', 'large'),
          node('If', 'large', 'y', { then_branch: body('o1'), else_branch: small }),
        ],
        weights: [weights('w', [4, 4]), floats('limit', [], [0])],
      }),
    )
    expect(layer(model, 'y')?.macs).toBe(16)
  })

  const looping = (bound: Draft['nodes'], count: string, more: Draft['weights'] = []): Draft => {
    const round = graph({
      inputs: { v: [1, 4] },
      outputs: { v_out: [1, 4] },
      nodes: [node('Identity', 'go', 'go_out'), node('MatMul', 'v w', 'v_out')],
    })
    Object.assign(round, {
      input: [declares('i', 'int64', []), declares('go', 'bool', []), ...round.input],
      output: [declares('go_out', 'bool', []), ...round.output],
    })
    return {
      inputs: { x: [1, 4] },
      outputs: { y: [1, 4] },
      nodes: [...bound, node('Loop', `${count} yes x`, 'y', { body: round })],
      weights: [weights('w', [4, 4]), truth('yes'), ...(more ?? [])],
    }
  }

  it('counts as often as a Loop turns, where that is constant, and is unknown where it is computed', async () => {
    const fixed = await readModel(await write(at('loop.onnx'), looping([], 'turns', [scalar('turns', 7)])))
    expect(layer(fixed, 'y')?.macs).toBe(7 * 16)
    const computed = await readModel(
      await write(
        at('computed.onnx'),
        looping([node('ReduceMax', 'x', 'most', { keepdims: 0 }), node('Cast', 'most', 'turns', { to: 7 })], 'turns'),
      ),
    )
    expect(layer(computed, 'y')?.macs).toBeUndefined()
  })
})

describe.skipIf(!haveAssets)('the shapes of real models', () => {
  it.each([...assetModels.map(asset), ...kinds.map(asset), ...zooModels])(
    'are those of a run: %s',
    { timeout: 60_000 },
    async (path) => {
      const model = await readModel(path, { axes: { 'input[1]': 576 } })
      const known = model.wiring.nodes.flatMap(({ output }, index) =>
        model.wiring.live[index] ? output.filter((name) => model.shapes.tensors.get(name)?.shape) : [],
      )
      const run = await shapesByRun(model, known)
      for (const [name, shape] of run) expect(model.shapes.tensors.get(name)?.shape, name).toEqual(shape)
      expect(run.size).toBe(known.length)
    },
  )
})
