import { BadConfiguration, nearest } from '../../pipeline/index.ts'
import { type ActivationEncoding, activationEncodings, isActivationEncoding } from './activations.ts'

/** Chroma subsampling of a JPEG: `420` keeps a quarter of the colour's resolution, `444` all of it. */
export type Subsampling = '420' | '444'

/** How a prepared picture is written, as an encoding's name says it; what it leaves out is the stage's to say. */
export interface PictureWriting {
  readonly format: 'jpeg' | 'webp' | 'raw' | 'tensor'
  /** Of JPEG and WebP, 1…100. */
  readonly quality?: number
  /** Of JPEG alone. */
  readonly subsampling?: Subsampling
}

const formats: readonly PictureWriting['format'][] = ['jpeg', 'webp', 'raw', 'tensor']
const captured = 'original'

/**
 * What an encoding's name says of a prepared picture: `jpeg`, `jpeg:90` (quality), `jpeg:90:444` (and subsampling, 4:2:0
 * where it says none), `webp`, `webp:80`, `raw`, `tensor`. Undefined for every other name.
 */
export function pictureWriting(encoding: string): PictureWriting | undefined {
  const known = writings.get(encoding)
  if (known !== undefined) return known
  const match = /^(?:(jpeg):([1-9]\d?|100)(?::(420|444))?|(webp):([1-9]\d?|100))$/.exec(encoding)
  if (!match) return undefined
  const [, jpeg, quality, subsampling, , webpQuality] = match
  const made: PictureWriting = jpeg
    ? { format: 'jpeg', quality: Number(quality), ...(subsampling ? { subsampling: subsampling as Subsampling } : {}) }
    : { format: 'webp', quality: Number(webpQuality) }
  writings.set(encoding, made)
  return made
}

/** By name; there are at most a few hundred names. */
const writings = new Map<string, PictureWriting>(formats.map((format) => [format, { format }]))

/** Whether an encoding writes prepared pictures. */
export function isPictureEncoding(encoding: string): boolean {
  return pictureWriting(encoding) !== undefined
}

/**
 * Checks that an encoding's name is one: of captured pictures, of prepared ones, or of activations.
 * @throws BadConfiguration that names what was likely meant
 */
export function assertEncoding(encoding: string): void {
  if (encoding === captured || isActivationEncoding(encoding) || isPictureEncoding(encoding)) return
  const near = nearest(encoding, [captured, ...formats, ...activationEncodings])
  throw new BadConfiguration(
    `There is no encoding "${encoding}". ${near ? `Did you mean "${near}"? ` : ''}Pictures are written as jpeg, webp (with a quality: jpeg:90, and for JPEG a subsampling: jpeg:90:444), raw or tensor; activations as ${activationEncodings.slice(0, 4).join(', ')}, each with +deflate or +brotli.`,
  )
}

/** Whether what is written so is read as it was: nothing of the answer can change. */
export function isLossless(encoding: string): boolean {
  if (encoding === captured || encoding === 'raw' || encoding === 'tensor') return true
  return isActivationEncoding(encoding) && precisionOf(encoding) === 'float32'
}

/** How an activation encoding writes numbers, packing apart: packing changes no answer. */
export function precisionOf(encoding: ActivationEncoding): string {
  return encoding.split('+')[0] as string
}
