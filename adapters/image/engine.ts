import sharp, { type Metadata, type Sharp } from 'sharp'
import { z } from 'zod'
import {
  BadConfiguration,
  BadInput,
  Cancelled,
  type Captured,
  DeadlineExceeded,
  ExecutionFailed,
  type ImagePayload,
  type PixelsPayload,
  type Prepared,
  QuintetError,
  readOptions,
  TooLarge,
  WrongShape,
} from '../../pipeline/index.ts'
import type { ModelInput } from '../../stages/manage/index.ts'
import type { ImageEngine, PictureEncoding, PrepareOptions } from '../../stages/preprocess/index.ts'
import { formatNames, isCutOff, looksLikeText, rareKind, sniff } from './formats.ts'
import { type Geometry, geometry } from './geometry.ts'
import { decodingBytes, mostBytesAPixel } from './memory.ts'
import { normalise } from './normalise.ts'
import { Room } from './room.ts'

/** What an image engine can be told. */
export interface ImageEngineOptions {
  /**
   * Largest picture that is decoded, in pixels; a bomb is refused by its header. Default 250,000,000: what telephones
   * take has at most 200 million.
   */
  readonly maxPixels?: number
  /**
   * Memory that decoding one picture may take, in bytes, by what its header says. Default 512 MiB. Most large pictures
   * take little (200 megapixels: 12 MB as a baseline JPEG, 75 MB as a PNG), for they are shrunk while they are read;
   * progressive JPEGs, interlaced PNGs, WebP and AVIF are held whole.
   */
  readonly maxMemory?: number
  /**
   * Memory that all pictures decoded at one time may take, in bytes: half of it is for large ones, by what their headers
   * say, half for eight others at once. What does not fit waits in line, and leaves it when nobody wants it any more.
   * Default 1 GiB.
   */
  readonly maxDecoding?: number
  /** Longest that one picture may take from being asked for to being there, ms, in whole seconds. Default 20,000. */
  readonly patience?: number
  /** JPEG/WebP quality where the call names none, 1…100. Default 85. */
  readonly quality?: number
  /**
   * Threads that one picture may use. The library has one number for the whole process: it is set where this is given,
   * and all engines that give it must give the same. Default: as the library is set (one on most Linux systems).
   */
  readonly concurrency?: number
}

const engineOptions = z.strictObject({
  maxPixels: z.number().min(1, 'give the largest picture to decode, in pixels, e.g. 5e7').default(250_000_000),
  maxMemory: z
    .number()
    .min(2 ** 20, 'give the bytes that decoding a picture may take, e.g. 5e8')
    .default(512 * 2 ** 20),
  maxDecoding: z
    .number()
    .min(2 ** 24, 'give the bytes that decoding all pictures may take, e.g. 1e9')
    .default(2 ** 30),
  patience: z.number().min(1000).max(3_600_000, 'give milliseconds, from 1,000 to 3,600,000').default(20_000),
  quality: z.number().int().min(1).max(100).default(85),
  concurrency: z.number().int().min(1).optional(),
} satisfies Record<keyof ImageEngineOptions, z.ZodType>)

/** Small pictures that are decoded at one time: twice the threads that the runtime has for it usually. */
const smallAtOnce = 8

/** What an engine has set the library to use, for the process. */
let threadsStated: number | undefined

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
 * sharp works on libuv's threads, never on the calling one. The first engine turns off its cache of recent operations,
 * for the whole process: no picture comes twice.
 *
 * Reasons are found by looking at the bytes. What the library says is not quoted: its messages lie in one buffer that all
 * operations of the process share, so that they may be about another picture.
 *
 * @throws BadConfiguration an option out of its range, or another `concurrency` than another engine's
 */
export function imageEngine(options: ImageEngineOptions = {}): ImageEngine {
  const {
    maxPixels,
    maxMemory,
    maxDecoding,
    patience,
    quality: defaultQuality,
    concurrency,
  } = readOptions(engineOptions, options, 'imageEngine()')
  const seconds = Math.ceil(patience / 1000)
  /** Small ones are told by the library as it opens them, without a look at their headers; each takes at most so much. */
  const small = maxDecoding / 2 / smallAtOnce
  const forSmall = new Room(maxDecoding / 2)
  const forLarge = new Room(maxDecoding / 2)
  /** Whatever a picture of so many pixels is, decoding it takes no more memory than allowed. */
  const surely = Math.min(maxPixels, Math.floor(Math.min(maxMemory, small) / mostBytesAPixel))
  if (concurrency !== undefined) setThreads(concurrency)
  sharp.cache(false)

  async function measure(bytes: Uint8Array): Promise<{ width: number; height: number }> {
    checkEncoded(bytes)
    const { autoOrient, width, height } = (await headerOf(bytes)) ?? { autoOrient: undefined, width: 0, height: 0 }
    if (autoOrient === undefined) throw undecodable(bytes)
    if (width * height > maxPixels) throw tooManyPixels(width, height)
    return { width: autoOrient.width, height: autoOrient.height }
  }

  /** The picture opened, nothing decoded yet. */
  function open(picture: Picture, limitInputPixels: number): Sharp {
    if (picture.form === 'pixels') {
      const { width, height } = picture
      return sharp(picture.bytes, { raw: { width, height, channels: 3 }, limitInputPixels })
    }
    return sharp(picture.bytes, { failOn: 'error', limitInputPixels })
  }

  /**
   * What `make` draws of a picture. The header is looked at only where drawing fails: it may be that the picture is larger
   * than every kind of picture may be, and of a kind that may.
   */
  async function drawn(
    picture: Picture,
    plan: Geometry,
    make: (opened: Sharp) => Sharp,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const draw = (limit: number) => make(open(picture, limit).timeout({ seconds })).toBuffer()
    if (picture.form === 'pixels') {
      const bytes = picture.bytes.byteLength
      return (bytes > small ? forLarge : forSmall)
        .use(Math.max(bytes, small), patience, signal, () => draw(maxPixels))
        .catch((error) => {
          if (error instanceof QuintetError) throw error
          throw new ExecutionFailed(
            'The image library failed on pixels that are sound. Look for memory it may have lacked.',
          )
        })
    }
    checkEncoded(picture.bytes)
    const began = performance.now()
    let needed = 0
    try {
      return await forSmall.use(small, patience, signal, () => draw(surely))
    } catch (error) {
      if (error instanceof QuintetError) throw error
      const header = await headerOf(picture.bytes)
      if (!header || header.width * header.height <= surely) throw explained(picture.bytes, began)
      const { width, height } = header
      if (width * height > maxPixels) throw tooManyPixels(width, height)
      needed = decodingBytes(header, plan)
      if (needed > maxMemory) throw tooMuchMemory(header, needed)
    }
    return forLarge
      .use(Math.max(needed, small), Math.max(1, Math.round(patience - (performance.now() - began))), signal, () =>
        draw(maxPixels),
      )
      .catch((error) => {
        throw error instanceof QuintetError ? error : explained(picture.bytes, began)
      })
  }

  /** Why a picture was not drawn, whose size is within the bounds. */
  function explained(bytes: Uint8Array, began: number): BadInput | DeadlineExceeded {
    if (performance.now() - began < seconds * 1000) return undecodable(bytes)
    return new DeadlineExceeded(
      `The picture (${bytes.byteLength} bytes) was not decoded and resized within ${seconds} s. Send a smaller one, or let the engine's patience be longer.`,
    )
  }

  function tooManyPixels(width: number, height: number): TooLarge {
    return new TooLarge(
      `The picture is ${width} × ${height}, more than the ${maxPixels} pixels allowed. Send a smaller one, or raise maxPixels of imageEngine().`,
    )
  }

  function tooMuchMemory({ width, height, format, isProgressive }: Metadata, needed: number): TooLarge {
    const kind = `${isProgressive ? (format === 'png' ? 'interlaced ' : 'progressive ') : ''}${format}`
    return new TooLarge(
      `The picture is a ${kind} of ${width} × ${height}: decoding it takes about ${needed} bytes of memory, more than the ${maxMemory} allowed. Send it as a baseline JPEG or smaller, or raise maxMemory of imageEngine().`,
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

    const written = checkQuality(quality ?? defaultQuality)
    const make = (opened: Sharp) => {
      const image = opened.autoOrient().resize(plan.resize)
      if (plan.extract) image.extract(plan.extract)
      image.removeAlpha().toColourspace('srgb')
      if (encoding === 'jpeg') {
        return image.jpeg({ quality: written, chromaSubsampling: subsampling === '444' ? '4:4:4' : '4:2:0' })
      }
      if (encoding === 'webp') return image.webp({ quality: written })
      return image.raw({ depth: 'uchar' })
    }
    const bytes = tight(await drawn(picture, plan, make, signal))
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

/** What a picture's header says; undefined where it cannot be read. */
function headerOf(bytes: Uint8Array): Promise<Metadata | undefined> {
  return sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined)
}

const oneOf = `Send one of: ${formatNames.join(', ')}.`

/** Refuses what would not be decoded, by how it begins. */
function checkEncoded(bytes: Uint8Array): void {
  const { byteLength } = bytes
  if (byteLength === 0) throw new BadInput('The picture is empty. Send the bytes of an encoded picture.')
  const sniffed = sniff(bytes)
  if (sniffed?.taken) return
  if (sniffed) {
    const { name, advice } = sniffed
    throw new BadInput(
      `The ${byteLength} bytes are ${name}, not a picture that is decoded here. ${advice ? `${advice}. ` : ''}${oneOf}`,
    )
  }
  const what = looksLikeText(bytes) ? 'text, not a picture' : 'not a picture of a known format'
  throw new BadInput(`The ${byteLength} bytes are ${what}. ${oneOf}`)
}

/** Why a picture that begins like one does not decode. */
function undecodable(bytes: Uint8Array): BadInput {
  const name = sniff(bytes)?.name ?? 'encoded'
  const start = `The ${name} picture (${bytes.byteLength} bytes) cannot be decoded:`
  if (isCutOff(bytes)) return new BadInput(`${start} it was cut off, its end is missing; send it again whole.`)
  const rare = rareKind(bytes)
  if (rare) return new BadInput(`${start} it is ${rare}, which is not read here. Write it as a baseline JPEG or a PNG.`)
  return new BadInput(
    `${start} its data is damaged, or of a kind of ${name} that is not read here. Send it again, or write it anew.`,
  )
}

function setThreads(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new BadConfiguration(`The concurrency of an image engine is ${threads}. Give threads, 1 to 1,024.`)
  }
  if (threadsStated !== undefined && threadsStated !== threads) {
    throw new BadConfiguration(
      `Another image engine has its pictures use ${threadsStated} threads, which holds for the whole process. Give ${threadsStated} here too, or leave it out.`,
    )
  }
  threadsStated = threads
  sharp.concurrency(threads)
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
