import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'
import { type CatalogueEntry, catalogue } from '../../adapters/node/index.ts'
import { zooFolder } from '../../examples/zoo/index.ts'

/** What somebody would write without a framework: decode, crop, resize, maybe encode again, normalise, run, softmax. */
export async function plainLoop(pictures: readonly Uint8Array[], model: string, encoding: string) {
  const entry = catalogue(zooFolder).entry(model)
  const session = await InferenceSession.create(join(zooFolder, entry.file), { intraOpNumThreads: 1 })
  const answers: { label: string; score: number }[] = []
  for (const picture of pictures) {
    const { data } = await prepare(picture, entry, encoding).toBuffer({ resolveWithObject: true })
    const outputs = await session.run({ [entry.input.name]: normalise(data, entry) })
    answers.push(best(outputs[entry.output.name]?.data as Float32Array, entry))
  }
  await session.release()
  return answers
}

function prepare(picture: Uint8Array, { input }: CatalogueEntry, encoding: string) {
  const width = Math.round(input.width / input.crop)
  const height = Math.round(input.height / input.crop)
  const resized = sharp(picture)
    .autoOrient()
    .resize(width, height, { fit: input.resize })
    .extract({
      left: Math.floor((width - input.width) / 2),
      top: Math.floor((height - input.height) / 2),
      width: input.width,
      height: input.height,
    })
    .removeAlpha()
    .toColourspace('srgb')
  if (encoding !== 'jpeg' && encoding !== 'webp') return resized.raw()
  const encoded = encoding === 'jpeg' ? resized.jpeg({ quality: 90 }) : resized.webp({ quality: 90 })
  return {
    toBuffer: async (options: { resolveWithObject: true }) =>
      sharp(await encoded.toBuffer())
        .removeAlpha()
        .toColourspace('srgb')
        .raw()
        .toBuffer(options),
  }
}

function normalise(rgb: Uint8Array, { input }: CatalogueEntry): Tensor {
  const pixels = input.width * input.height
  const values = new Float32Array(3 * pixels)
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (const channel of [0, 1, 2] as const) {
      values[channel * pixels + pixel] =
        ((rgb[3 * pixel + channel] as number) - input.mean[channel]) / input.std[channel]
    }
  }
  return new Tensor('float32', values, [1, 3, input.height, input.width])
}

function best(logits: Float32Array, entry: CatalogueEntry): { label: string; score: number } {
  const max = Math.max(...logits)
  const exponentials = logits.map((value) => Math.exp(value - max))
  const sum = exponentials.reduce((total, value) => total + value, 0)
  const scores = exponentials.map((value) => value / sum)
  const index = scores.indexOf(Math.max(...scores))
  return { label: entry.labels[index - entry.labelOffset] as string, score: scores[index] as number }
}
