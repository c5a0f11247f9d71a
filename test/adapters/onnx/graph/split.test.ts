import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { Tensor } from 'onnxruntime-node'

import { describe, expect, it } from 'vitest'
import { TensorProtoSchema } from '../../../../adapters/onnx/graph/generated/onnx_pb.ts'
import { cutInTwo, here, type Model, readModel, split } from '../../../../adapters/onnx/graph/index.ts'
import { type Draft, external, floats, graph, longs, node, weights, write } from './build.ts'
import { difference, session, whole } from './exact.ts'
import { folder } from './folder.ts'
import { cuts, findCut } from './here.ts'

const at = folder()

async function everyCutIsExact(model: Model): Promise<number> {
  const all = await cuts(model)
  const reference = await whole(model, 'extended')
  for (const cut of all) expect(await difference(reference, cut), cut.name).toMatchObject({ bits: 0 })
  return all.length
}

describe('head and tail', () => {
  it('share out weights, and both have those that both read', async () => {
    const model = await readModel(
      await write(at('shared.onnx'), {
        inputs: { x: [1, 64] },
        outputs: { e: [1, 64] },
        nodes: [
          node('MatMul', 'x w', 'a'),
          node('Add', 'a both', 'b'),
          node('MatMul', 'b v', 'c'),
          node('Add', 'c both', 'e'),
        ],
        weights: [weights('w', [64, 64]), weights('v', [64, 64]), weights('both', [64])],
      }),
    )
    expect(await everyCutIsExact(model)).toBe(1)
    const { head, tail } = await cutInTwo(model, await findCut(model, 'b'))
    const matrix = 64 * 64 * 4
    for (const part of [head, tail]) {
      expect(part.bytes.length).toBeGreaterThan(matrix + 256)
      expect(part.bytes.length).toBeLessThan(matrix + 256 + 1000)
    }
  })

  it('both have the constants that both compute with', async () => {
    const model = await readModel(
      await write(at('constants.onnx'), {
        inputs: { x: [1, 6] },
        outputs: { e: [2, 3] },
        nodes: [
          node('Constant', '', 'c', { value: floats('c', [1, 6], [1, 2, 3, 4, 5, 6]) }),
          node('Sqrt', 'c', 'root'),
          node('Mul', 'x root', 'a'),
          node('Tanh', 'a', 'b'),
          node('Add', 'b root', 'd'),
          node('Reshape', 'd to', 'e'),
        ],
        weights: [longs('to', [2, 3])],
      }),
    )
    expect((await cuts(model)).map(({ crossing }) => crossing.length)).toEqual([1, 1, 1])
    expect(await everyCutIsExact(model)).toBe(3)
  })

  it('hand on answers of the head and inputs that only the tail reads', async () => {
    const model = await readModel(
      await write(at('across.onnx'), {
        inputs: { x: [1, 4], late: [1, 4] },
        outputs: { early: [1, 4], z: [1, 4] },
        nodes: [
          node('Tanh', 'x', 'early'),
          node('Exp', 'early', 'b'),
          node('Neg', 'b', 'c'),
          node('Add', 'c late', 'z'),
        ],
      }),
    )
    const behindB = await findCut(model, 'late+early+b')
    const { head, tail, crossing } = await cutInTwo(model, behindB)
    expect(crossing.map(({ name }) => name)).toEqual(['late:crossing', 'early:crossing', 'b'])
    expect(head.inputs.map(({ name }) => name)).toEqual(['x', 'late'])
    expect(tail.inputs.map(({ name }) => name)).toEqual(['late:crossing', 'early:crossing', 'b'])
    expect(tail.outputs.map(({ name }) => name)).toEqual(['early', 'z'])
    expect(await everyCutIsExact(model)).toBe((await cuts(model)).length)
  })

  it('keep what inner graphs take from outside', async () => {
    const branch = (op: string): ReturnType<typeof graph> =>
      graph({
        inputs: {},
        outputs: { [`${op}_out`]: [1, 4] },
        nodes: [node('Add', 'a w', `${op}_sum`), node(op, `${op}_sum`, `${op}_out`)],
      })
    const draft: Draft = {
      inputs: { x: [1, 4] },
      outputs: { z: [1, 4] },
      nodes: [
        node('Tanh', 'x', 'a'),
        node('Exp', 'a', 'b'),
        node('ReduceSum', 'b', 'sum', { keepdims: 0 }),
        node('Greater', 'sum limit', 'large'),
        node('If', 'large', 'chosen', { then_branch: branch('Neg'), else_branch: branch('Abs') }),
        node('Mul', 'chosen b', 'z'),
      ],
      weights: [weights('w', [1, 4]), floats('limit', [], [3.9])],
    }
    const model = await readModel(await write(at('inner.onnx'), draft))
    expect((await cuts(model)).map(({ name }) => name)).toEqual(['a', 'a+b', 'a+b+sum', 'a+b+large', 'b+chosen'])
    expect(await everyCutIsExact(model)).toBe(5)
  })

  it('work with weights that are inputs as well, and keep them overridable', async () => {
    const draft: Draft = {
      inputs: { x: [1, 4], w: [4, 4] },
      outputs: { c: [1, 4] },
      nodes: [node('Tanh', 'x', 'a'), node('MatMul', 'a w', 'b'), node('Exp', 'b', 'c')],
      weights: [weights('w', [4, 4])],
    }
    const model = await readModel(await write(at('overridable.onnx'), draft))
    expect(model.inputs.map(({ name }) => name)).toEqual(['x'])
    expect(await everyCutIsExact(model)).toBe(2)
  })

  it.each(['N', ''])('take any batch where the whole does, its axis named "%s"', async (batch) => {
    const draft: Draft = {
      inputs: { x: [batch, 4] },
      outputs: { c: [batch, 4] },
      nodes: [node('Tanh', 'x', 'a'), node('MatMul', 'a w', 'b'), node('Exp', 'b', 'c')],
      weights: [weights('w', [4, 4])],
    }
    const model = await readModel(await write(at(`batch${batch}.onnx`), draft))
    const { tail } = await cutInTwo(model, await findCut(model, 'a'))
    const running = await session(tail.bytes, 'extended')
    const result = await running.run({ a: new Tensor('float32', new Float32Array(12), [3, 4]) })
    expect(result.c?.dims).toEqual([3, 4])
    await running.release()
  })

  it('keep weights that are written in typed fields instead of raw bytes', async () => {
    const matrix = weights('w', [4, 6])
    const draft: Draft = {
      inputs: { x: [1, 4] },
      outputs: { d: [2, 3] },
      nodes: [node('Tanh', 'x', 'a'), node('MatMul', 'a w', 'b'), node('Reshape', 'b to', 'c'), node('Exp', 'c', 'd')],
      // 2 and 3 as variable-length integers are one byte each.
      weights: [
        create(TensorProtoSchema, { name: 'w', dataType: 1, dims: [4n, 6n], floatData: [matrix.rawData] }),
        create(TensorProtoSchema, { name: 'to', dataType: 7, dims: [2n], int64Data: [Uint8Array.of(2, 3)] }),
      ],
    }
    const model = await readModel(await write(at('typed.onnx'), draft))
    expect(model.layers.map(({ outputs }) => outputs[0]?.shape)).toEqual([
      [1, 4],
      [1, 6],
      [2, 3],
      [2, 3],
    ])
    expect(model.layers[1]?.parameters).toBe(24)
    expect(await everyCutIsExact(model)).toBe(3)
  })

  it('carry external weights inside', async () => {
    await writeFile(at('w.bin'), new Uint8Array(Float32Array.from({ length: 16 }, (_, at) => at / 16).buffer))
    const draft: Draft = {
      inputs: { x: [1, 4] },
      outputs: { c: [1, 4] },
      nodes: [node('Tanh', 'x', 'a'), node('MatMul', 'a w', 'b'), node('Exp', 'b', 'c')],
      weights: [external('w', [4, 4], 'w.bin')],
    }
    const model = await readModel(await write(at('outside.onnx'), draft))
    expect(await everyCutIsExact(model)).toBe(2)
  })
})

describe('a split that the runtime does not load', () => {
  it('is an error that says why, and leaves no entry', async () => {
    const draft = {
      inputs: { x: [1, 4] },
      outputs: { b: [1, 4] },
      nodes: [node('Tanh', 'x', 'a'), node('Exp', 'a', 'b')],
    }
    const model = await readModel(await write(at('wrong.onnx'), draft))
    // Nothing crosses of what the tail reads.
    const [cut] = await cuts(model)
    if (!cut) throw new Error('no cut')
    const wrong = { ...cut, head: cut.head, crossing: [] }
    await expect(split(model, wrong, { folder: at('refused'), runtime: here })).rejects.toThrow(
      /Behind "a" .* does not load the parts/,
    )
    expect(await readdir(join(at('refused'), 'v1'))).toEqual([])
  })
})

describe('the cache of parts', () => {
  const draft: Draft = {
    inputs: { x: [1, 4] },
    outputs: { c: [1, 4] },
    nodes: [node('Tanh', 'x', 'a'), node('MatMul', 'a w', 'b'), node('Exp', 'b', 'c')],
    weights: [weights('w', [4, 4])],
  }

  it('gives what an executor needs to load and connect both parts', async () => {
    const model = await readModel(await write(at('needs.onnx'), draft))
    const done = await split(model, 'a', { folder: at('needs'), runtime: here })
    expect(done).toMatchObject({ cut: 'after:a', crossingBytes: 16, headStates: {}, tailStates: {} })
    expect(done.crossing).toEqual([{ name: 'a', type: 'float32', shape: [1, 4], bytes: 16 }])
    expect(done.head).toMatchObject({ name: 'needs.onnx up to a', inputs: [{ name: 'x' }], outputs: [{ name: 'a' }] })
    expect(done.tail).toMatchObject({ inputs: [{ name: 'a' }], outputs: [{ name: 'c' }] })
    for (const part of [done.head, done.tail]) expect((await stat(part.path)).size).toBe(part.bytes)
  })

  it('finds parts again by content, and leaves nothing else behind', async () => {
    const model = await readModel(await write(at('again.onnx'), draft))
    const [one, other] = await Promise.all([
      split(model, 'a', { folder: at('again'), runtime: here }),
      split(model, 'a', { folder: at('again'), runtime: here }),
    ])
    const third = await split(await readModel(await write(at('copy.onnx'), draft)), 'a', {
      folder: at('again'),
      runtime: here,
    })
    expect(other).toEqual(one)
    expect(third.head.path).toBe(one.head.path)
    expect(await readdir(at('again'))).toHaveLength(1)
    const late = await split(model, 'b', { folder: at('again'), runtime: here })
    expect(late.head.key).not.toBe(one.head.key)
  })

  it('makes damaged parts anew', async () => {
    const model = await readModel(await write(at('damaged.onnx'), draft))
    const first = await split(model, 'a', { folder: at('damaged'), runtime: here })
    const whole = await readFile(first.tail.path)
    await appendFile(first.tail.path, 'x')
    expect(await split(model, 'a', { folder: at('damaged'), runtime: here })).toEqual(first)
    expect(await readFile(first.tail.path)).toEqual(whole)
    await writeFile(
      first.tail.path,
      whole.map((byte) => byte ^ 1),
    )
    expect(await split(model, 'a', { folder: at('damaged'), runtime: here })).toEqual(first)
    expect(await readFile(first.tail.path)).toEqual(whole)
  })
})
