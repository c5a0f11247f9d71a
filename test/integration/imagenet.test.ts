import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Answer, models, pictures } from '../../adapters/node/index.ts'
import { assets, needsAssets } from '../support/assets.ts'
import { placed, placements } from './placements.ts'

/** Side of each MobileNet's input, by its name. */
const mobilenets = {
  'mobilenet_v1_0.5_160': 160,
  'mobilenet_v1_1.0_224': 224,
  'mobilenet_v2_1.0_224': 224,
} as const

async function imagenet(folder: string) {
  const labels = (await readFile(join(folder, 'imagenet_labels_1001.txt'), 'utf8')).trim().split('\n').slice(1)
  const entries = await Promise.all(
    Object.entries(mobilenets).map(async ([name, side]) => {
      const file = `${name}_fp32.onnx`
      const bytes = await readFile(join(folder, file))
      return {
        id: name.replaceAll('.', '_'),
        file,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        bytes: bytes.byteLength,
        input: {
          name: 'input',
          width: side,
          height: side,
          mean: [127.5, 127.5, 127.5] as [number, number, number],
          std: [127.5, 127.5, 127.5] as [number, number, number],
          crop: 0.875,
        },
        output: { name: 'output', kind: 'probabilities' as const },
        labels,
        labelOffset: 1,
        accuracy: 0.7,
        licence: 'Apache-2.0',
      }
    }),
  )
  return models(entries, folder)
}

describe.skipIf(assets === undefined)(`real ImageNet models on real photos${needsAssets}`, () => {
  test.each(Object.keys(mobilenets))('%s: daisies come out as daisies wherever the wire is', async (name) => {
    const known = await imagenet(join(assets as string, 'models'))
    const daisies = join(assets as string, 'images/flowers/daisy/*.jpg')
    for (const placement of placements.filter(({ encoding }) => ['original', 'jpeg', 'none'].includes(encoding))) {
      const running = placed(pictures(daisies), { ...placement, model: name.replaceAll('.', '_'), models: known }).run()
      const answers: Answer[] = []
      for await (const answer of running) answers.push(answer)
      expect(answers).toHaveLength(8)
      // Models of this size take one of the eight for a lighthouse.
      expect(answers.filter(({ label }) => label === 'daisy').length).toBeGreaterThanOrEqual(7)
      expect(new Set(answers.map(({ place }) => place))).toEqual(new Set([placement.cut]))
    }
  })
})
