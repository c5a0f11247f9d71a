import { describe, expect, it } from 'vitest'
import { candidates } from '../../adapters/onnx/graph/cuts.ts'
import { examineCuts, here, type RefusedCut, type Runtime, readModel } from '../../adapters/onnx/graph/index.ts'
import { folder } from '../adapters/onnx/graph/folder.ts'
import { examine, type Report } from './examine.ts'
import { generated } from './generated.ts'

const at = folder()

async function subject(name: string, opset: number) {
  const [found] = await generated(at(), [opset], [name])
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

describe('every cut that is offered answers bit for bit as the whole', () => {
  // `npm run conformance:cuts` tries all idioms in every opset, and the backend suite, the assets and the zoo.
  it.each([
    ['residual blocks with batch normalisation', 9, 1],
    ['transformer, LayerNormalization behind the sum', 26, 1],
    ['product, factor, transpose, product', 17, 3],
    ['QDQ, int8 activations, weights per tensor', 13, 1],
    ['If', 21, 3],
    ['GRU with states', 14, 3],
  ])('%s, opset %i, at most %i tensors', async (name, opset, tensors) => {
    const report = await examine({ ...(await subject(name, opset)), tensors })
    expect(report).toMatchObject({ off: [] } satisfies Partial<Report>)
    expect(report.cuts).toBeGreaterThan(0)
  })

  it('and the comparison finds those that do not, where nobody looks whether they are exact', async () => {
    const { off } = await examine(await subject('dynamically quantised transformer block', 17), undefined, credulous)
    expect(off.map(({ reason }) => reason)).toContainEqual(expect.stringMatching(/numbers differ, by up to \d/))
  })
})

describe('what the runtime computes as one is not parted', () => {
  it('a constant factor and the product behind it: the distance is told, where no cut beside it carries as little', async () => {
    const model = await readModel((await subject('constant factor before a product', 17)).path)
    const { exact, refused } = await examineCuts(model, { runtime: here })
    const { all } = candidates(model)
    expect(exact.length + refused.length).toBe(all.length)
    expect(all.map(({ name }) => name)).toContain('Mul:Mul_2')
    expect(exact.map(({ name }) => name)).not.toContain('Mul:Mul_2')
    const inexact = refused.flatMap(({ refusal }) => (refusal.why === 'inexact' ? [refusal.deviation] : []))
    expect(Math.max(...inexact)).toBeGreaterThan(0)
    expect(Math.max(...inexact)).toBeLessThan(1e-5)
  })

  it('but the sum of a residual, which the normalisation behind it takes along, is told apart from the way around', async () => {
    const model = await readModel((await subject('transformer, LayerNormalization behind the sum', 17)).path)
    const { refused } = await examineCuts(model, { runtime: here, tensors: 1 })
    expect(because(refused, 'Add')?.why).toBe('beside')
  })
})

describe('halves cross as float32', () => {
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
})
