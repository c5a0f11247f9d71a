import { describe, expect, it } from 'vitest'
import { readModel } from '../../../../adapters/onnx/graph/index.ts'
import { type Draft, floats, node, weights, write } from './build.ts'
import { difference, whole } from './exact.ts'
import { folder } from './folder.ts'
import { cuts } from './here.ts'

const at = folder()

async function exactCuts(name: string, draft: Draft): Promise<string[]> {
  const model = await readModel(await write(at(`${name}.onnx`), draft))
  const reference = await whole(model, 'extended')
  const all = await cuts(model)
  for (const cut of all) expect(await difference(reference, cut), cut.name).toMatchObject({ bits: 0 })
  return all.map((cut) => cut.name)
}

describe('no cut parts what the runtime computes as one', () => {
  it('a convolution from the normalisation, factor and summand behind it', async () => {
    const picture = [1, 8, 14, 14]
    const found = await exactCuts('convolution', {
      inputs: { x: picture },
      outputs: { z: picture },
      nodes: [
        node('Conv', 'x w', 'a', { pads: [1, 1, 1, 1], kernel_shape: [3, 3] }),
        node('BatchNormalization', 'a scale shift mean variance', 'b'),
        node('Mul', 'b factor', 'c'),
        node('Add', 'c summand', 'd'),
        node('Relu', 'd', 'e'),
        node('BatchNormalization', 'e scale shift mean variance', 'f'),
        node('Conv', 'f v', 'g', { pads: [1, 1, 1, 1], kernel_shape: [3, 3] }),
        node('Add', 'g e', 'z'),
      ],
      weights: [
        weights('w', [8, 8, 3, 3]),
        weights('v', [8, 8, 3, 3]),
        ...['scale', 'shift', 'mean'].map((name) => weights(name, [8])),
        floats('variance', [8], [1, 2, 0.5, 0.7, 1.1, 0.9, 3, 0.2]),
        weights('factor', [8, 1, 1]),
        weights('summand', [8, 1, 1]),
      ],
    })
    expect(found).toEqual(['d', 'e', 'e+f', 'e+g'])
  })

  it('a matrix product from its bias, where the order of summation would change', async () => {
    const found = await exactCuts('product', {
      inputs: { x: [1, 1024] },
      outputs: { z: [1, 64] },
      nodes: [
        node('Tanh', 'x', 'a'),
        node('MatMul', 'a w', 'b'),
        node('Add', 'b bias', 'c'),
        node('Relu', 'c', 'd'),
        node('MatMul', 'd v', 'e'),
        node('Relu', 'e', 'z'),
      ],
      weights: [weights('w', [1024, 64]), weights('bias', [64]), weights('v', [64, 64])],
    })
    expect(found).toEqual(['a', 'c', 'd', 'e'])
  })

  it('spelled-out layer normalisation, GELU and swish', async () => {
    const found = await exactCuts('groups', {
      inputs: { x: [1, 6, 32] },
      outputs: { z: [1, 6, 32] },
      nodes: [
        node('MatMul', 'x w', 'a'),
        node('ReduceMean', 'a', 'mean', { axes: [-1] }),
        node('Sub', 'a mean', 'centred'),
        node('Pow', 'centred two', 'squares'),
        node('ReduceMean', 'squares', 'variance', { axes: [-1] }),
        node('Add', 'variance epsilon', 'shifted'),
        node('Sqrt', 'shifted', 'deviation'),
        node('Div', 'centred deviation', 'normal'),
        node('Mul', 'normal gain', 'scaled'),
        node('Add', 'scaled offset', 'layer'),
        node('Div', 'layer root2', 'narrow'),
        node('Erf', 'narrow', 'erf'),
        node('Add', 'erf one', 'above'),
        node('Mul', 'layer above', 'twice'),
        node('Mul', 'twice half', 'gelu'),
        node('MatMul', 'gelu v', 'b'),
        node('Sigmoid', 'b', 'gate'),
        node('Mul', 'b gate', 'swish'),
        node('MatMul', 'swish u', 'z'),
      ],
      weights: [
        ...['w', 'v', 'u'].map((name) => weights(name, [32, 32])),
        ...['gain', 'offset'].map((name) => weights(name, [32])),
        floats('two', [], [2]),
        floats('epsilon', [], [1e-5]),
        floats('root2', [], [Math.SQRT2]),
        floats('one', [], [1]),
        floats('half', [], [0.5]),
      ],
    })
    expect(found).toEqual(['a', 'layer', 'gelu', 'b', 'swish'])
  })
})
