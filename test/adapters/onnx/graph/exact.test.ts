import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cuts, type LayerCut, type Model, readModel } from '../../../../adapters/onnx/graph/index.ts'
import { asset, assetModels, zooModels } from './assets.ts'
import { difference, whole } from './exact.ts'
import { folder } from './folder.ts'
import { seeded } from './seeded.ts'

const at = folder()

// `npm run test:cuts` tries every cut of every model, which takes most of an hour on two cores. Otherwise the small
// models stand for the large ones, with a few cuts of each spread over its length.
const every = process.env.MODE === 'every-cut'
const sampled = /squeezenet|v1_0.25_128|v2_1.0_224|ultraface/
const models = [...assetModels.filter((name) => every || sampled.test(name)).map(asset), ...zooModels]

async function load(path: string): Promise<Model> {
  return basename(path).startsWith('light_') ? seeded(path, at(basename(path))) : readModel(path)
}

function sample(all: readonly LayerCut[]): readonly LayerCut[] {
  const step = every ? 1 : Math.ceil(all.length / 7)
  return all.filter((_, index) => index % step === step >> 1 || every)
}

describe.each(models.map((path) => [basename(path), path] as const))(
  '%s',
  { timeout: every ? 3_600_000 : 60_000 },
  (_, path) => {
    it('answers bit for bit as the whole at level "extended", and within 1e-6 with the same best at "all"', async () => {
      const model = await load(path)
      const chosen = sample(cuts(model))
      expect(chosen.length).toBeGreaterThan(0)
      const extended = await whole(model, 'extended')
      expect(answersDiffer(extended.answers, model)).toBe(true)
      for (const cut of chosen) {
        expect(await difference(extended, cut), cut.name).toEqual({ bits: 0, largest: 0, sameTop: true })
      }
      const all = await whole(model, 'all')
      const largest = Math.max(1, ...all.answers.map((answer) => largestOf(answer)))
      for (const cut of chosen) {
        const found = await difference(all, cut)
        expect(found.sameTop, cut.name).toBe(true)
        // Of probabilities; where a model answers in larger numbers, of the largest of them.
        expect(found.largest, cut.name).toBeLessThanOrEqual(1e-6 * largest)
      }
    })
  },
)

function largestOf(answer: Awaited<ReturnType<typeof whole>>['answers'][number]): number {
  const values = Object.values(answer).flatMap(({ data }) => [...(data as Float32Array)])
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

// A model that answers the same to every input would be equal to anything.
function answersDiffer(answers: Awaited<ReturnType<typeof whole>>['answers'], model: Model): boolean {
  const name = model.outputs[0]?.name ?? ''
  const [one, other] = answers.map((answer) => [...((answer[name]?.data ?? []) as Float32Array)])
  return String(one) !== String(other)
}
