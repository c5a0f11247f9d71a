import sharp from 'sharp'
import { type Random, random, scatter } from './random.ts'
import { DIFFICULTY, type Difficulty, scene } from './scene.ts'
import { LABELS, type Label } from './things.ts'

/** What to draw. Everything that is left out is chosen by the seed. */
export type DrawOptions = {
  /** Any whole number; the same options and seed give the same bytes (with the same version of sharp). */
  readonly seed: number
  /** What stands in the picture. */
  readonly label?: Label
  /** Size of the upright picture in pixels, 32…8192 a side. 640 × 480 when left out. */
  readonly width?: number
  readonly height?: number
  /** JPEG quality, 1…100. */
  readonly quality?: number
  /** Standard deviation of the sensor's noise at full size, in bytes (0…255). */
  readonly grain?: number
  /** Store the pixels lying on their side with an EXIF orientation that says so, as phones do. */
  readonly lying?: boolean
  readonly difficulty?: Difficulty
}

/** One labelled picture; `width` and `height` are those of the upright picture. */
export type Drawn = {
  readonly jpeg: Uint8Array
  readonly label: Label
  readonly width: number
  readonly height: number
}

/** The drawing was asked for a size or quality that no picture can have. */
export class DrawingError extends Error {
  override readonly name = 'DrawingError'
}

/** Longest side of the drawing before it is enlarged: a phone's optics resolve about as much detail. */
const DETAIL = 720

/**
 * Draws one labelled picture and takes it as a phone would: focus, motion, exposure, white balance, noise, JPEG.
 *
 * Throws `DrawingError` for a size outside 32…8192 pixels, a quality outside 1…100 or an unknown label.
 */
export async function drawPicture(options: DrawOptions): Promise<Drawn> {
  const r = random(scatter(options.seed, 0))
  const label = options.label ?? r.pick(LABELS)
  const { width = 640, height = 480, difficulty = DIFFICULTY } = options
  check(label, width, height, options.quality)
  const quality = options.quality ?? r.whole(70, 94)
  const grain = options.grain ?? r.between(1, 6)

  const shrink = Math.min(1, DETAIL / Math.max(width, height))
  const [w, h] = [Math.round(width * shrink), Math.round(height * shrink)]
  const svg = Buffer.from(scene(r, label, w, h, difficulty))
  let image = sharp(svg).flatten({ background: '#fff' }).removeAlpha()
  const focus = Math.min(w, h) * (r.chance(0.5) ? 0.001 : r.scale(0.0015, 0.009))
  if (focus > 0.35) image = image.blur(focus)
  if (r.chance(0.25)) image = image.convolve(motion(r, Math.min(w, h)))
  const exposed = await image.toColourspace('srgb').raw().toBuffer()
  expose(r, exposed)

  const full = shrink < 1 ? await enlarge(exposed, w, h, width, height) : exposed
  addGrain(full, grain, r)
  return { jpeg: await encode(full, width, height, quality, options.lying ?? false), label, width, height }
}

function check(label: string, width: number, height: number, quality = 80): void {
  if (!LABELS.some((known) => known === label)) {
    throw new DrawingError(`cannot draw "${label}": choose one of ${LABELS.join(', ')}`)
  }
  for (const side of [width, height]) {
    if (!Number.isInteger(side) || side < 32 || side > 8192) {
      throw new DrawingError(
        `cannot draw ${width} × ${height} pixels: both sides must be whole numbers from 32 to 8192`,
      )
    }
  }
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new DrawingError(`quality ${quality} does not exist: use a whole number from 1 to 100`)
  }
}

/** A kernel that smears along one direction, up to 1.5 % of the picture. */
function motion(r: Random, short: number): { width: number; height: number; kernel: number[] } {
  const reach = Math.max(1, Math.min(5, Math.round(short * r.between(0.002, 0.015) * 0.5)))
  const size = 2 * reach + 1
  const kernel = new Array<number>(size * size).fill(0)
  const angle = r.between(0, Math.PI)
  for (let step = -reach; step <= reach; step++) {
    const [x, y] = [Math.round(reach + step * Math.cos(angle)), Math.round(reach + step * Math.sin(angle))]
    kernel[y * size + x] = 1
  }
  return { width: size, height: size, kernel }
}

/** Exposure, contrast, gamma and white balance, then the blotchy noise that a phone's own processing leaves. */
function expose(r: Random, pixels: Uint8Array): void {
  const [gain, gamma, lift] = [r.scale(0.6, 1.3), r.scale(0.8, 1.3), r.between(0, 24)]
  const tables = [r.between(0.88, 1.12), 1, r.between(0.88, 1.12)].map((balance) =>
    Uint8ClampedArray.from({ length: 256 }, (_, v) => lift + 255 * balance * gain * (v / 255) ** gamma),
  ) as [Uint8ClampedArray, Uint8ClampedArray, Uint8ClampedArray]
  for (let i = 0; i + 2 < pixels.length; i += 3) {
    pixels[i] = tables[0][pixels[i] as number] as number
    pixels[i + 1] = tables[1][pixels[i + 1] as number] as number
    pixels[i + 2] = tables[2][pixels[i + 2] as number] as number
  }
  addGrain(pixels, r.chance(0.6) ? r.between(0, 8) : r.between(8, 26), r)
}

/** 65,536 draws of the normal distribution, the same in every process. */
const NORMAL = (() => {
  const r = random(0x5eed)
  return Float32Array.from(
    { length: 65_536 },
    () => Math.sqrt(-2 * Math.log(1 - r.next())) * Math.cos(2 * Math.PI * r.next()),
  )
})()

/** Adds normal noise to every byte, from a table entered at a random place every 4,096 bytes. */
function addGrain(pixels: Uint8Array, sigma: number, r: Random): void {
  if (sigma <= 0) return
  const table = new Int16Array(NORMAL.length)
  for (let i = 0; i < table.length; i++) table[i] = Math.round((NORMAL[i] as number) * sigma)
  for (let start = 0; start < pixels.length; start += 4096) {
    const from = Math.floor(r.next() * 65_536)
    const end = Math.min(pixels.length, start + 4096)
    for (let i = start; i < end; i++) {
      const value = (pixels[i] as number) + (table[(from + i) & 65_535] as number)
      pixels[i] = value < 0 ? 0 : value > 255 ? 255 : value
    }
  }
}

async function enlarge(pixels: Uint8Array, w: number, h: number, width: number, height: number): Promise<Uint8Array> {
  return await sharp(pixels, { raw: { width: w, height: h, channels: 3 } })
    .resize(width, height, { kernel: 'cubic', fit: 'fill' })
    .raw()
    .toBuffer()
}

/** EXIF orientation 6: the pixels must be turned a quarter clockwise to stand upright. */
const QUARTER_CLOCKWISE = 6

async function encode(pixels: Uint8Array, width: number, height: number, quality: number, lying: boolean) {
  let image = sharp(pixels, { raw: { width, height, channels: 3 } })
  if (lying) image = image.rotate(270).withMetadata({ orientation: QUARTER_CLOCKWISE })
  return await image.jpeg({ quality }).toBuffer()
}
