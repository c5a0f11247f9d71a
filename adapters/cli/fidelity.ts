import { basename, dirname } from 'node:path'
import { glob } from 'tinyglobby'
import { BadConfiguration, type ImagePayload, type Prepared, type Tensor } from '../../pipeline/index.ts'
import { classify, type ModelSource } from '../../stages/execute/index.ts'
import type { CatalogueEntry, Fidelity } from '../../stages/manage/index.ts'
import type { ImageEngine } from '../../stages/preprocess/index.ts'
import {
  type ActivationEncoding,
  decodeActivation,
  encodeActivation,
  pictureWriting,
} from '../../stages/transfer/index.ts'
import { pictures } from '../files/index.ts'
import { imageEngine } from '../image/index.ts'
import { type ModelSplitterOptions, modelSplitter, threadExecutors } from '../onnx/index.ts'

/** How pictures are written when nothing else is asked for: what is usual, and half and all of the colour at each quality. */
export const usualPictures: readonly string[] = [50, 70, 80, 90, 95]
  .flatMap((quality) => [`jpeg:${quality}`, `jpeg:${quality}:444`])
  .concat('webp:80', 'webp:90')

/** Behind a layer: whatever loses something; packing changes no answer. */
const activations: readonly ActivationEncoding[] = ['float16', 'uint8', 'uint8-per-channel']

/** A picture to measure with, and what is on it where that is known. */
export interface Sample {
  readonly payload: ImagePayload<'captured'>
  readonly label: string | undefined
}

/**
 * The pictures of a folder. Those in a folder of their own are labelled by its name: `DIR/mug/1.jpg` shows a mug.
 * @throws BadConfiguration there are none · BadInput one cannot be read
 */
export async function samples(folder: string, most: number): Promise<readonly Sample[]> {
  const found: Sample[] = []
  const files: string[] = []
  // By turns from each folder, so that a part of them is not of one label alone.
  const byFolder = new Map<string, string[]>()
  for (const path of (await glob('**/*.{jpg,jpeg,png,webp}', { cwd: folder, absolute: true })).sort()) {
    const own = byFolder.get(dirname(path))
    if (own) own.push(path)
    else byFolder.set(dirname(path), [path])
  }
  for (let turn = 0; files.length < most; turn++) {
    const next = [...byFolder.values()].flatMap((paths) => paths[turn] ?? [])
    if (next.length === 0) break
    files.push(...next)
  }
  for (const path of files.slice(0, most)) {
    for await (const one of pictures(path)) {
      if ('error' in one) throw one.error
      if (one.payload.form !== 'image') continue
      found.push({ payload: one.payload as ImagePayload<'captured'>, label: basename(dirname(path)) })
    }
  }
  if (found.length === 0) {
    throw new BadConfiguration(`There are no pictures in "${folder}". Give a folder with .jpg, .png or .webp files.`)
  }
  return found
}

/** A picture as it is prepared, and its answer when nothing is lost. */
interface Exact {
  readonly pixels: Prepared
  readonly input: readonly Tensor[]
  readonly label: string
  readonly wanted: string
}

/** What is measured. */
export interface FidelityOptions {
  readonly samples: readonly Sample[]
  /** Encodings of prepared pictures. */
  readonly pictures: readonly string[]
  /** Layers behind which the model can be cut. */
  readonly layers: readonly string[]
  readonly splits?: ModelSplitterOptions
}

/**
 * Measures what a model keeps of its accuracy when pictures and activations are written with losses: each picture is
 * answered exactly, and once for each encoding. Where all pictures have labels of the model, `keeps` is the share of
 * right answers by that of exact writing; else the share of answers that stay the same.
 * @throws ModelLoadFailed · BadInput a picture that cannot be read · BadConfiguration a label fits, another does not
 */
export async function measureFidelity(
  entry: CatalogueEntry,
  source: ModelSource,
  { samples: all, pictures: written, layers, splits }: FidelityOptions,
): Promise<readonly Fidelity[]> {
  const images = imageEngine()
  const executor = await threadExecutors().start({ threads: 1 })
  const labelled = all.every(({ label }) => label !== undefined && entry.labels.includes(label))
  try {
    await executor.load(source)
    const answer = async (key: string, inputs: readonly Tensor[]): Promise<string> =>
      classify(entry, (await executor.run(key, inputs)).outputs).label
    const exact: Exact[] = []
    for (const { payload, label } of all) {
      // Decoded and resized once: what is written from these pixels is what would be written from the picture.
      const pixels = await images.prepare(payload, entry.input, { encoding: 'raw' })
      const input = await tensorOf(images, pixels, entry)
      const own = await answer(source.key, input)
      exact.push({ pixels, input, label: own, wanted: labelled ? (label as string) : own })
    }
    const right = exact.filter(({ label, wanted }) => label === wanted).length
    if (right === 0) {
      throw new BadConfiguration(`"${entry.id}" names none of these pictures rightly. Give pictures of what it knows.`)
    }
    const result = (cut: string, encoding: string, hits: number, bytes: number): Fidelity => ({
      cut,
      encoding,
      keeps: Number(Math.min(1, hits / right).toFixed(4)),
      by: labelled ? 'labels' : 'agreement',
      bytes: Math.max(1, Math.round(bytes / all.length)),
      pictures: all.length,
    })

    const found: Fidelity[] = []
    for (const encoding of written) {
      const writing = pictureWriting(encoding)
      if (writing === undefined) throw new BadConfiguration(`"${encoding}" writes no pictures. Use e.g. jpeg:90:444.`)
      let [hits, bytes] = [0, 0]
      for (const { pixels, wanted } of exact) {
        const { format, quality, subsampling } = writing
        const options = { encoding: format, ...(quality ? { quality } : {}), subsampling }
        const crossing = await images.prepare(pixels, entry.input, options)
        if (crossing.form !== 'tensors') bytes += crossing.bytes.byteLength
        if ((await answer(source.key, await tensorOf(images, crossing, entry))) === wanted) hits += 1
      }
      found.push(result('prepared', encoding, hits, bytes))
    }

    const splitter = modelSplitter(splits)
    for (const layer of layers) {
      const { head, tail, crossing } = await splitter.split(source, layer)
      await executor.load(head)
      await executor.load(tail)
      const tally = activations.map(() => ({ hits: 0, bytes: 0 }))
      for (const { input, wanted } of exact) {
        const { outputs } = await executor.run(head.key, input, { outputs: crossing })
        for (const [at, encoding] of activations.entries()) {
          const sent = await Promise.all(outputs.map((tensor) => encodeActivation(tensor, encoding)))
          const received = await Promise.all(sent.map((bytes) => decodeActivation(bytes)))
          const one = tally[at] as { hits: number; bytes: number }
          one.bytes += sent.reduce((sum, bytes) => sum + bytes.byteLength, 0)
          if ((await answer(tail.key, received)) === wanted) one.hits += 1
        }
      }
      for (const [at, encoding] of activations.entries()) {
        const { hits, bytes } = tally[at] as { hits: number; bytes: number }
        found.push(result(`after:${layer}`, encoding, hits, bytes))
      }
      await executor.unload(head.key)
      await executor.unload(tail.key)
    }
    return found
  } finally {
    await executor.close()
  }
}

async function tensorOf(
  images: ImageEngine,
  picture: Parameters<ImageEngine['prepare']>[0],
  { input }: CatalogueEntry,
): Promise<readonly Tensor[]> {
  const prepared = await images.prepare(picture, input, { encoding: 'tensor' })
  return prepared.form === 'tensors' ? prepared.tensors : []
}
