import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { LABELS, pictures, zooFolder } from '../../../examples/zoo/index.ts'
import { type CatalogueEntry, catalogueFile } from '../../../stages/manage/index.ts'

const catalogue = catalogueFile.read(
  JSON.parse(await readFile(join(zooFolder, 'catalogue.json'), 'utf8')),
  'The catalogue of the zoo',
)
const byId = (id: string) => catalogue.models.find((model) => model.id === id) as CatalogueEntry
const floats = ['nano', 'small', 'medium', 'large'].map(byId)

/** Neither trained on nor used for the model cards. */
const FRESH = { count: 60, seed: 424_242 }

describe('the catalogue', () => {
  it.each(catalogue.models)('names the file of $id by its true hash and size', async ({ file, sha256, bytes }) => {
    const content = await readFile(join(zooFolder, file))
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256)
    expect(content.length).toBe(bytes)
  })

  it('names every model file there is, 4 MB of them at most and none over 2 MB', async () => {
    const files = (await readdir(zooFolder)).filter((file) => file.endsWith('.onnx')).sort()
    expect(catalogue.models.map(({ file }) => file).sort()).toEqual(files)
    const sizes = catalogue.models.map(({ bytes }) => bytes)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * 2 ** 20)
    expect(sizes.reduce((a, b) => a + b)).toBeLessThanOrEqual(4 * 2 ** 20)
  })

  it('is a ladder: each larger model is more accurate, slower and has more to compute', () => {
    for (const [i, model] of floats.slice(1).entries()) {
      const below = floats[i] as CatalogueEntry
      expect(model.accuracy).toBeGreaterThan(below.accuracy)
      expect(model.latencyMs ?? 0).toBeGreaterThan(below.latencyMs ?? 0)
      expect(model.macs ?? 0).toBeGreaterThan(below.macs ?? 0)
    }
  })

  it('keeps nearly all of the accuracy in int8', () => {
    for (const model of catalogue.models.filter(({ precision }) => precision === 'int8')) {
      expect(model.accuracy).toBeGreaterThan(byId(model.id.replace('-int8', '')).accuracy - 0.03)
    }
  })

  it('lists the labels that the pictures have, in order', () => {
    for (const { labels } of catalogue.models) expect(labels).toEqual(LABELS)
  })
})

describe('the models', () => {
  const jpegs: { jpeg: Uint8Array; label: string }[] = []

  beforeAll(async () => {
    for await (const picture of pictures(FRESH)) jpegs.push(picture)
  })

  it.each(catalogue.models)('$id answers fresh pictures as well as its card says', async (entry) => {
    const { width, height, mean, std, resize } = entry.input
    const session = await InferenceSession.create(join(zooFolder, entry.file), { intraOpNumThreads: 1 })
    let right = 0
    for (const { jpeg, label } of jpegs) {
      const pixels = await sharp(jpeg)
        .autoOrient()
        .resize(width, height, { fit: resize })
        .removeAlpha()
        .raw()
        .toBuffer()
      const data = Float32Array.from({ length: pixels.length }, (_, i) => {
        const channel = Math.floor(i / (width * height))
        const byte = pixels[(i % (width * height)) * 3 + channel] as number
        return (byte - (mean[channel] as number)) / (std[channel] as number)
      })
      const outputs = await session.run({ [entry.input.name]: new Tensor('float32', data, [1, 3, height, width]) })
      const logits = outputs[entry.output.name]?.data as Float32Array
      if (entry.labels[logits.indexOf(Math.max(...logits))] === label) right++
    }
    await session.release()
    // Three standard errors of the difference between this sample and the card's thousand pictures: the drawings are
    // fixed by their seed, so this fails by a change of code alone, never by chance.
    const margin = 3 * Math.sqrt(entry.accuracy * (1 - entry.accuracy) * (1 / jpegs.length + 1 / 1000))
    expect(right / jpegs.length).toBeGreaterThanOrEqual(entry.accuracy - margin)
  })

  it.each(catalogue.models)('$id answers a batch as it answers each picture alone', async (entry) => {
    const { width, height } = entry.input
    const area = 3 * width * height
    const data = Float32Array.from({ length: 3 * area }, (_, i) => Math.sin(i * 0.37 + Math.floor(i / area)))
    const session = await InferenceSession.create(join(zooFolder, entry.file), { intraOpNumThreads: 1 })
    const ask = async (part: Float32Array, count: number) => {
      const outputs = await session.run({ [entry.input.name]: new Tensor('float32', part, [count, 3, height, width]) })
      const { data: logits } = outputs[entry.output.name] as Tensor
      return [...(logits as Float32Array)]
    }
    const together = await ask(data, 3)
    const alone = [0, 1, 2].map((i) => ask(data.slice(i * area, (i + 1) * area), 1))
    const expected = (await Promise.all(alone)).flat()
    expect(together).toHaveLength(expected.length)
    for (const [i, value] of expected.entries()) expect(together[i]).toBeCloseTo(value, 3)
    await session.release()
  })
})
