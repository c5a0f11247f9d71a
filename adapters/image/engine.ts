import sharp, { type Sharp } from 'sharp'
import { z } from 'zod'
import {
  BadConfiguration,
  BadInput,
  Cancelled,
  type Captured,
  type ImagePayload,
  type PixelsPayload,
  type Prepared,
  readOptions,
  TooLarge,
  WrongShape,
} from '../../pipeline/index.ts'
import type { ModelInput } from '../../stages/manage/index.ts'
import type { ImageEngine, PictureEncoding, PrepareOptions } from '../../stages/preprocess/index.ts'
import { formatNames, looksLikePicture } from './formats.ts'
import { geometry } from './geometry.ts'
import { normalise } from './normalise.ts'

/** What an image engine can be told. */
export interface ImageEngineOptions {
  /** Largest picture that is decoded, in pixels; a bomb is refused by its header. Default 50,000,000. */
  readonly maxPixels?: number
  /** JPEG/WebP quality where the call names none, 1…100. Default 85. */
  readonly quality?: number
  /** Threads that one picture may use. Default 1. */
  readonly concurrency?: number
}

const engineOptions = z.strictObject({
  maxPixels: z.number().min(1, 'give the largest picture to decode, in pixels, e.g. 5e7').default(50_000_000),
  quality: z.number().int().min(1).max(100).default(85),
  concurrency: z.number().int().min(1).default(1),
})

/** Longest a single picture may take to decode and encode, in seconds: a hostile file cannot hold a thread for ever. */
const patience = 20

type Picture = ImagePayload | PixelsPayload

/**
 * Pictures through libvips (sharp). For every encoding the result is, bit for bit, that of this plain sequence:
 *
 *     sharp(bytes).autoOrient().resize(round(W / crop), round(H / crop), { fit }).extract(centre W × H)
 *       .removeAlpha().toColourspace('srgb')  then  .jpeg({ quality }) | .webp({ quality }) | .raw({ depth: 'uchar' })
 *
 * where `extract` is left out at `crop` 1 and a tensor is `(byte − mean) / std` of the raw bytes. A prepared picture
 * says in `crop` which central fraction of the captured one it shows; for an input that wants less of it,
 * `input.crop / picture.crop` takes the place of `crop` above, for one that wants more nothing is cut.
 *
 * sharp works on libuv's threads, never on the calling one. By default it would also use every core for each single
 * picture and keep recent operations in memory; here the parallelism comes from several pictures in flight, the cores
 * are wanted by the executors, and no picture comes twice: one thread a picture, no cache. Both are process-wide.
 *
 * @throws BadConfiguration an option out of its range
 */
export function imageEngine(options: ImageEngineOptions = {}): ImageEngine {
  const { maxPixels, quality: defaultQuality, concurrency } = readOptions(engineOptions, options, 'imageEngine()')
  sharp.concurrency(concurrency)
  sharp.cache(false)

  async function measure(bytes: Uint8Array): Promise<{ width: number; height: number }> {
    checkEncoded(bytes)
    try {
      const { autoOrient } = await sharp(bytes, { limitInputPixels: maxPixels }).metadata()
      return { width: autoOrient.width, height: autoOrient.height }
    } catch (error) {
      throw await explain(error, bytes)
    }
  }

  /** The picture opened, nothing decoded yet. */
  function open(picture: Picture): Sharp {
    if (picture.form === 'pixels') {
      const { width, height } = picture
      return sharp(picture.bytes, { raw: { width, height, channels: 3 }, limitInputPixels: maxPixels })
    }
    checkEncoded(picture.bytes)
    return sharp(picture.bytes, { failOn: 'error', limitInputPixels: maxPixels })
  }

  /** libvips's reason as a named error; a bomb is told from damage by asking the header again, without the bound. */
  async function explain(error: unknown, bytes: Uint8Array): Promise<BadInput | TooLarge> {
    const size = await sharp(bytes, { limitInputPixels: false })
      .metadata()
      .catch(() => undefined)
    if (size !== undefined && size.width * size.height > maxPixels) return tooManyPixels(size.width, size.height)
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return new BadInput(
      `The picture (${bytes.byteLength} bytes) cannot be decoded: ${reason}. It is damaged or was cut off; send it again whole.`,
      { cause: error },
    )
  }

  function tooManyPixels(width: number, height: number): TooLarge {
    return new TooLarge(
      `The picture is ${width} × ${height}, more than the ${maxPixels} pixels allowed. Send a smaller one, or raise maxPixels.`,
    )
  }

  async function prepare(
    picture: Captured | Prepared,
    input: ModelInput,
    { encoding, quality, subsampling, signal }: PrepareOptions,
  ): Promise<Prepared> {
    if (signal?.aborted) throw new Cancelled(undefined, { cause: signal.reason })
    if (picture.form === 'tensors') return fitting(picture, input)
    const kept = picture.at === 'prepared' ? (picture.crop ?? 1) : 1
    if (!(kept > 0 && kept <= 1)) {
      throw new BadInput(`A prepared picture says crop ${kept}. Give the fraction it shows, above 0 and at most 1.`)
    }
    const plan = geometry(input, kept)
    if (plan.resize.width * plan.resize.height > maxPixels) throw tooManyPixels(plan.resize.width, plan.resize.height)
    const { width, height } = input

    if (picture.form === 'pixels') checkPixels(picture, maxPixels)
    if (plan.extract === undefined && (await isInPlace(picture, input, encoding))) {
      if (picture.form === 'pixels' && encoding === 'tensor') return asTensor(picture.bytes, input)
      return { ...picture, at: 'prepared', width, height, crop: plan.crop }
    }

    const image = open(picture).autoOrient().resize(plan.resize).timeout({ seconds: patience })
    if (plan.extract) image.extract(plan.extract)
    image.removeAlpha().toColourspace('srgb')
    if (encoding === 'jpeg') {
      const chromaSubsampling = subsampling === '444' ? '4:4:4' : '4:2:0'
      image.jpeg({ quality: checkQuality(quality ?? defaultQuality), chromaSubsampling })
    } else if (encoding === 'webp') image.webp({ quality: checkQuality(quality ?? defaultQuality) })
    else image.raw({ depth: 'uchar' })

    let bytes: Uint8Array
    try {
      bytes = tight(await image.toBuffer())
    } catch (error) {
      throw await explain(error, picture.bytes)
    }
    if (signal?.aborted) throw new Cancelled(undefined, { cause: signal.reason })
    if (encoding === 'tensor') return asTensor(bytes, input)
    const form = encoding === 'raw' ? 'pixels' : 'image'
    return { form, at: 'prepared', bytes, width, height, crop: plan.crop }
  }

  /**
   * Whether nothing is left for libvips to do: raw pixels of the input's size asked for as pixels or tensor, or a
   * *prepared* encoded picture of that size asked for encoded (again would only lose quality, so its format is kept).
   */
  async function isInPlace(picture: Picture, input: ModelInput, encoding: PictureEncoding): Promise<boolean> {
    const encoded = encoding === 'jpeg' || encoding === 'webp'
    if (encoded !== (picture.form === 'image') || (encoded && picture.at === 'captured')) return false
    const known = picture.width !== undefined && picture.height !== undefined
    const { width, height } = known ? picture : await measure(picture.bytes)
    return width === input.width && height === input.height
  }

  return { prepare, measure }
}

function asTensor(rgb: Uint8Array, input: ModelInput): Prepared {
  return { form: 'tensors', at: 'prepared', tensors: [normalise(rgb, input)] }
}

/** A tensor is the last form of a prepared picture: it fits the model, or nothing here can make it fit. */
function fitting(payload: Extract<Prepared, { form: 'tensors' }>, input: ModelInput): Prepared {
  const shape = input.layout === 'NCHW' ? [1, 3, input.height, input.width] : [1, input.height, input.width, 3]
  const [tensor] = payload.tensors
  if (payload.tensors.length === 1 && tensor?.type === input.type && `${tensor.shape}` === `${shape}`) return payload
  const given = payload.tensors.map((each) => `${each.type} [${each.shape}]`).join(' and ') || 'no tensor'
  throw new WrongShape(
    `The picture arrived as ${given}, and the model takes ${input.type} [${shape}]. Prepare it for this model, or send a picture while the model is open.`,
  )
}

function checkEncoded(bytes: Uint8Array): void {
  if (bytes.byteLength === 0) throw new BadInput('The picture is empty. Send the bytes of an encoded picture.')
  if (!looksLikePicture(bytes)) {
    throw new BadInput(`The ${bytes.byteLength} bytes are not a picture. Send one of: ${formatNames.join(', ')}.`)
  }
}

function checkPixels({ width, height, bytes }: PixelsPayload, maxPixels: number): void {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new BadInput(`Raw pixels of ${width} × ${height}. Give whole numbers of pixels, at least 1 × 1.`)
  }
  if (width * height > maxPixels) {
    throw new TooLarge(
      `Raw pixels of ${width} × ${height}, more than the ${maxPixels} allowed. Send fewer, or raise maxPixels.`,
    )
  }
  if (bytes.byteLength !== width * height * 3) {
    throw new BadInput(
      `Raw pixels of ${width} × ${height} are ${width * height * 3} bytes (RGB), but ${bytes.byteLength} arrived. Send three bytes a pixel, no padding.`,
    )
  }
}

function checkQuality(quality: number): number {
  if (Number.isInteger(quality) && quality >= 1 && quality <= 100) return quality
  throw new BadConfiguration(`The picture quality is ${quality}. Give a whole number from 1 to 100.`)
}

/** The same bytes over an ArrayBuffer of exactly their size, so that keeping them keeps nothing else alive. */
function tight(bytes: Uint8Array): Uint8Array {
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return view.byteLength === view.buffer.byteLength ? view : view.slice()
}
