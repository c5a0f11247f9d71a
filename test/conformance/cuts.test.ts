import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { candidates } from '../../adapters/onnx/graph/cuts.ts'
import { examineCuts, here, type RefusedCut, type Runtime, readModel } from '../../adapters/onnx/graph/index.ts'
import { asset, haveAssets, zooModels } from '../adapters/onnx/graph/assets.ts'
import { folder } from '../adapters/onnx/graph/folder.ts'
import { examine, type Report } from './examine.ts'
import { generated } from './generated.ts'

const at = folder()

async function subject(name: string, opset: number) {
  const found = (await generated(at(), [opset])).find((one) => one.name === `${name}, opset ${opset}`)
  if (!found) throw new Error(`no idiom "${name}"`)
  return found
}

/** The names of what crosses, without the kinds of the layers that make it. */
function plain(cut: { readonly name: string }): string {
  return cut.name.replaceAll(/\w+:/g, '').replaceAll(/_\d+/g, '')
}

function because(refused: readonly RefusedCut[], name: string): RefusedCut['refusal'] | undefined {
  return refused.find((cut) => plain(cut) === name)?.refusal
}

/** Says of every cut that it is exact. */
const credulous: Runtime = { ...here, attempt: async (_, cuts) => cuts.map(() => ({ same: true as const })) }

describe('every cut that is offered answers bit for bit as the whole', { timeout: 120_000 }, () => {
  // `npm run conformance:cuts` tries all idioms in every opset, and the backend suite, the assets and the zoo.
  it.each([
    ['convolutional net ending in Flatten', 9],
    ['residual blocks with batch normalisation', 13],
    ['transformer, LayerNormalization behind the sum', 26],
    ['constant factor before a product', 17],
    ['product, factor, transpose, product', 17],
    ['one over a norm, multiplied', 17],
    ['convolution, transpose, sum (channels last bias)', 17],
    ['QDQ, int8 activations, weights per tensor', 13],
    ['dynamically quantised transformer block', 17],
    ['If', 21],
    ['GRU with states', 14],
    ['float16: convolutional net ending in Flatten', 17],
  ])('%s, opset %i', async (name, opset) => {
    const report = await examine(await subject(name, opset))
    expect(report).toMatchObject({ off: [] } satisfies Partial<Report>)
    expect(report.cuts).toBeGreaterThan(0)
  })

  it.skipIf(zooModels.length === 0)('the smallest of the built-in models', async () => {
    const [path = ''] = zooModels
    const report = await examine({ name: 'zoo', set: 'zoo', path, tensors: 1 })
    expect(report).toMatchObject({ off: [] } satisfies Partial<Report>)
    expect(report.cuts).toBeGreaterThan(5)
  })

  it('and the comparison finds those that do not, where nobody looks whether they are exact', async () => {
    const { off } = await examine(await subject('dynamically quantised transformer block', 17), undefined, credulous)
    expect(off.map(({ reason }) => reason)).toContainEqual(expect.stringMatching(/numbers differ, by up to \d/))
  })
})

describe('what the runtime computes as one is not parted', { timeout: 60_000 }, () => {
  it('a constant factor and the product behind it', async () => {
    const model = await readModel((await subject('constant factor before a product', 17)).path)
    const { exact, refused } = await examineCuts(model, { runtime: here })
    expect(exact.length + refused.length).toBe(candidates(model).all.length)
    expect(candidates(model).all.map(({ name }) => name)).toContain('Mul:Mul_2')
    expect(exact.map(({ name }) => name)).not.toContain('Mul:Mul_2')
    expect(refused.length).toBeGreaterThan(0)
  })

  it('is said to be inexact, with what was measured, where no cut beside it carries as little', async () => {
    const model = await readModel((await subject('constant factor before a product', 17)).path)
    const { refused } = await examineCuts(model, { runtime: here })
    const inexact = refused.flatMap(({ refusal }) => (refusal.why === 'inexact' ? [refusal.deviation] : []))
    expect(inexact.length).toBeGreaterThan(0)
    expect(Math.max(...inexact)).toBeGreaterThan(0)
    expect(Math.max(...inexact)).toBeLessThan(1e-5)
  })

  it('but the sum of a residual, which the normalisation behind it takes along, is told apart from the way around', async () => {
    const model = await readModel((await subject('transformer, LayerNormalization behind the sum', 17)).path)
    const { refused } = await examineCuts(model, { runtime: here, tensors: 1 })
    expect(because(refused, 'Add')?.why).toBe('beside')
  })
})

describe('halves cross as float32', { timeout: 60_000 }, () => {
  it('where the runtime computes in float32 and a half would round', async () => {
    const model = await readModel((await subject('float16: convolutional net ending in Flatten', 17)).path)
    const { exact, refused } = await examineCuts(model, { runtime: here, tensors: 1 })
    const widened = exact.filter(({ crossing }) => crossing.some(({ type }) => type === 'float32'))
    expect(widened.map(plain)).toContain('Relu')
    for (const { bytes, crossing } of widened) {
      const elements = crossing.reduce((sum, { shape }) => sum + shape.reduce((all, side) => all * side, 1), 0)
      expect(bytes).toBe(4 * elements)
    }
    expect(refused.map(({ refusal }) => refusal.why)).toContain('inexact')
  })

  it.skipIf(!haveAssets)('in a real model', { timeout: 120_000 }, async () => {
    const path = join(asset('models/kinds'), 'SqueezeNet_fp16.onnx')
    const { exact } = await examineCuts(await readModel(path), { runtime: here, tensors: 1, tries: 4 })
    expect(exact.length).toBeGreaterThan(0)
  })
})
