import { describe, expect, it } from 'vitest'
import { candidates, layersOf } from '../../../../adapters/onnx/graph/cuts.ts'
import { here, type Model, findCut as named, type Runtime, readModel } from '../../../../adapters/onnx/graph/index.ts'
import { asset, haveAssets } from './assets.ts'
import { type Draft, node, weights, write } from './build.ts'
import { folder } from './folder.ts'
import { cuts, findCut } from './here.ts'
import { noise } from './random.ts'

const at = folder()

/** A graph of Relu and Add nodes that reads from what was made before, at random; its last two tensors are answers. */
function randomGraph(seed: number, size: number): Draft {
  const random = noise(size * 4, seed)
  let drawn = 0
  const draw = (below: number): number => Math.floor((((random[drawn++] ?? 0) + 1) / 2) * below)
  const made = ['x']
  const nodes = Array.from({ length: size }, (_, index) => {
    const one = made[Math.max(0, made.length - 1 - draw(3))] ?? 'x'
    const other = made[draw(made.length)] ?? 'x'
    const name = `t${index}`
    made.push(name)
    return draw(3) === 0 ? node('Add', `${one} ${other}`, name) : node('Relu', one, name)
  })
  return { inputs: { x: [2] }, outputs: { [`t${size - 1}`]: [2], [`t${size - 2}`]: [2] }, nodes }
}

/** The cuts by definition: every subset of layers that holds what it needs, by what leaves it. */
function byDefinition(model: Model, most: number): string[] {
  const { layers } = model
  const answers = new Set(model.outputs.map(({ name }) => name))
  const found: string[] = []
  for (let mask = 1; mask < 2 ** layers.length - 1; mask++) {
    const inside = (index: number): boolean => (mask & (1 << index)) !== 0
    const maker = (name: string): number => layers.findIndex((layer) => layer.outputs.some((one) => one.name === name))
    const closed = layers.every(
      (layer) => !inside(layer.index) || layer.inputs.every(({ name }) => maker(name) < 0 || inside(maker(name))),
    )
    if (!closed) continue
    const names = [
      'x',
      ...layers.filter(({ index }) => inside(index)).flatMap(({ outputs }) => outputs.map(({ name }) => name)),
    ]
    const leaving = names.filter(
      (name) =>
        answers.has(name) ||
        layers.some((layer) => !inside(layer.index) && layer.inputs.some((input) => input.name === name)),
    )
    if (leaving.length <= most)
      found.push(`${layers.filter(({ index }) => inside(index)).map(({ index }) => index)} ${leaving.sort()}`)
  }
  return found.sort()
}

describe('the cuts of a model', () => {
  it('are, behind every layer of a chain, one', async () => {
    const nodes = [node('Relu', 'x', 'a'), node('Neg', 'a', 'b'), node('Exp', 'b', 'c')]
    const model = await readModel(
      await write(at('chain.onnx'), { inputs: { x: [1, 4] }, outputs: { c: [1, 4] }, nodes }),
    )
    expect((await cuts(model)).map(({ name, bytes, head }) => ({ name, bytes, head }))).toEqual([
      { name: 'a', bytes: 16, head: [0] },
      { name: 'b', bytes: 16, head: [0, 1] },
    ])
  })

  it('are exactly those of the definition, on 60 random graphs', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const model = await readModel(await write(at('random.onnx'), randomGraph(seed, 11)))
      for (const most of [1, 2, 3]) {
        const found = candidates(model, { tensors: most }).all
        const listed = found.map((cut) => `${layersOf(model, cut)} ${cut.crossing.map(({ name }) => name).sort()}`)
        expect(listed.sort(), `seed ${seed}, ${most} tensors`).toEqual(byDefinition(model, most))
        expect(new Set(found.map(({ name }) => name)).size).toBe(found.length)
      }
    }
  })

  it('have a tensor for a skipped connection, and count what it weighs', async () => {
    const nodes = [
      node('Relu', 'x', 'a'),
      node('MatMul', 'a w', 'b'),
      node('Relu', 'b', 'c'),
      node('Add', 'a c', 'd'),
      node('Neg', 'd', 'e'),
    ]
    const draft = { inputs: { x: [1, 4] }, outputs: { e: [1, 4] }, nodes, weights: [weights('w', [4, 4])] }
    const model = await readModel(await write(at('skip.onnx'), draft))
    expect((await cuts(model, { tensors: 1 })).map(({ name }) => name)).toEqual(['a', 'd'])
    expect((await cuts(model)).map(({ name, bytes }) => [name, bytes])).toEqual([
      ['a', 16],
      ['a+b', 32],
      ['a+c', 32],
      ['d', 16],
    ])
    expect((await findCut(model, 'after:a+c')).crossing.map(({ name, shape, type }) => [name, shape, type])).toEqual([
      ['a', [1, 4], 'float32'],
      ['c', [1, 4], 'float32'],
    ])
  })

  it('are on the lower envelope only where nothing further up is as small, the input included, behind activations', async () => {
    const nodes = [
      node('MatMul', 'x w', 'a'),
      node('MatMul', 'a v', 'b'),
      node('Relu', 'b', 'c'),
      node('MatMul', 'c u', 'd'),
    ]
    const model = await readModel(
      await write(at('envelope.onnx'), {
        inputs: { x: [1, 8] },
        outputs: { d: [1, 2] },
        nodes,
        weights: [weights('w', [8, 8]), weights('v', [8, 4]), weights('u', [4, 2])],
      }),
    )
    expect((await cuts(model)).filter(({ envelope }) => envelope).map(({ name }) => name)).toEqual(['c'])
  })

  it('are said to be incomplete where the search ended at its limit', async () => {
    const model = await readModel(await write(at('wide.onnx'), randomGraph(3, 40)))
    expect((await cuts(model, { tensors: 3, verify: false })).complete).toBe(true)
    expect((await cuts(model, { tensors: 3, limit: 20, verify: false })).complete).toBe(false)
    await expect(findCut(model, 'nowhere', { limit: 5 })).rejects.toThrow(/ended at its limit/)
  })

  it('are found in thousands of layers, in whatever order the file has them', async () => {
    const count = 4_000
    const chain = Array.from({ length: count }, (_, index) => node('Relu', `t${index}`, `t${index + 1}`))
    const io = { inputs: { t0: [1, 4] }, outputs: { [`t${count}`]: [1, 4] } }
    for (const nodes of [chain, [...chain].reverse()]) {
      const { all, complete } = candidates(await readModel(await write(at('long.onnx'), { ...io, nodes })))
      expect({ length: all.length, complete }).toEqual({ length: count - 1, complete: true })
      expect(all.at(-1)?.layers).toBe(count - 1)
    }
  })

  it('are tried all over the model where there are more than may be tried, and are said to be incomplete', async () => {
    const nodes = Array.from({ length: 40 }, (_, index) => node('Exp', `t${index}`, `t${index + 1}`))
    const draft = { inputs: { t0: [1, 4] }, outputs: { t40: [1, 4] }, nodes }
    const found = await cuts(await readModel(await write(at('forty.onnx'), draft)), { tries: 4 })
    expect(found.complete).toBe(false)
    expect(found).toHaveLength(4)
    const places = found.map(({ head }) => head.length)
    expect(places.some((place) => place < 20) && places.some((place) => place >= 20)).toBe(true)
    expect((await cuts(await readModel(at('forty.onnx')))).complete).toBe(true)
  })

  it('are found where one tensor has thousands of readers', async () => {
    const count = 3_000
    const branches = Array.from({ length: count }, (_, index) => node('Relu', 'a', `b${index}`))
    const sum = node('Sum', branches.map(({ output }) => output[0]).join(' '), 'c')
    const draft = {
      inputs: { x: [1] },
      outputs: { d: [1] },
      nodes: [node('Neg', 'x', 'a'), ...branches, sum, node('Exp', 'c', 'd')],
    }
    const { all, complete } = candidates(await readModel(await write(at('fan.onnx'), draft)), { tensors: 1 })
    expect(all.map(({ name }) => name)).toEqual(['a', 'c'])
    expect(complete).toBe(true)
  })

  it('leave out tensors whose shape only the data decides', async () => {
    const nodes = [
      node('Relu', 'x', 'a'),
      node('NonZero', 'a', 'n'),
      node('Cast', 'n', 'f', { to: 1 }),
      node('ReduceSum', 'f', 's', { keepdims: 0 }),
      node('Exp', 's', 'e'),
    ]
    const model = await readModel(await write(at('data.onnx'), { inputs: { x: [1, 4] }, outputs: { e: [] }, nodes }))
    expect((await cuts(model)).map(({ name }) => name)).toEqual(['a', 's'])
  })

  it.skipIf(!haveAssets)('go through bytes, not floats, in a quantised model', async () => {
    const model = await readModel(asset('models/mobilenet_v2_1.0_224_int8.onnx'))
    const inner = (await cuts(model, { verify: false })).filter(({ headShare }) => headShare > 0.01 && headShare < 0.99)
    expect(inner.length).toBeGreaterThan(50)
    expect(new Set(inner.flatMap(({ crossing }) => crossing.map(({ type }) => type)))).toEqual(new Set(['uint8']))
  })

  it.skipIf(!haveAssets)('can be named by layer, by tensor, and as the literature does', async () => {
    const model = await readModel(asset('graphs/light_bvlc_alexnet.onnx'))
    // Whether it is exact is not asked here: loading 244 MB of weights for each name would take long.
    const runtime: Runtime = { ...here, attempt: async (_, all) => all.map(() => ({ same: true as const })) }
    const pool5 = await named(model, 'pool5', { runtime })
    expect(pool5).toMatchObject({ name: 'n14', bytes: 36_864, envelope: true })
    expect((await named(model, 'n14', { runtime })).head).toEqual(pool5.head)
    expect((await named(model, 'r14', { runtime })).head).toEqual(pool5.head)
  })
})
