import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DrawOptions, drawPicture } from './draw/picture.ts'
import { type Random, random, scatter } from './draw/random.ts'
import { LABELS, type Label } from './draw/things.ts'

/** A share of the pictures and the range of their sizes, in megapixels (log-uniform within the range). */
export type Batch = { readonly share: number; readonly megapixels: readonly [number, number] }

/** What sizes a set of pictures has: batches whose shares are weights. */
export type Mix = readonly Batch[]

/** As a phone's gallery holds them: 1 to 12 megapixels, mostly reduced ones, JPEGs of about 50 KB to 4 MB. */
export const PHONE: Mix = [
  { share: 0.76, megapixels: [1, 1.6] },
  { share: 0.2, megapixels: [1.6, 4] },
  { share: 0.04, megapixels: [8, 12.2] },
]

/** One picture of a set; its name says its place in the set and its label, and is unique within the set. */
export type Picture = { readonly name: string; readonly jpeg: Uint8Array; readonly label: Label }

export type PicturesOptions = {
  /** How many pictures; a whole number. */
  readonly count: number
  /** The set's seed: picture i of a seed is the same however many are asked for. */
  readonly seed: number
  /** The sizes; `PHONE` when left out. */
  readonly mix?: Mix
  /** A folder to keep the drawn pictures in, so that the next run reads them instead. Created when missing. */
  readonly cache?: string
  /** How many pictures are drawn at a time, ahead of the reader. 4 when left out. */
  readonly ahead?: number
}

/** Raised whenever a seed would draw another picture than before, so that cached pictures are drawn anew. */
const DRAWING = 1

/**
 * Labelled pictures, in an order fixed by the seed, drawn as they are asked for and a few ahead. Leaving the loop
 * early waits for the drawings under way and starts no more.
 *
 * Throws `RangeError` for a count that is not a whole number or a mix without any share.
 */
export async function* pictures(options: PicturesOptions): AsyncGenerator<Picture, void, undefined> {
  const { count, seed, mix = PHONE, cache, ahead = 4 } = options
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`count is ${count}: pass a whole number, 0 or more`)
  const folder = cache === undefined ? undefined : join(cache, `drawing-${DRAWING}`)
  if (folder !== undefined) await mkdir(folder, { recursive: true })

  const underWay: Promise<Picture>[] = []
  let started = 0
  try {
    while (started < count || underWay.length > 0) {
      while (started < count && underWay.length < Math.max(1, ahead)) {
        const picture = obtain(plan(seed, started, mix), `${seed}-${String(started).padStart(5, '0')}`, folder)
        picture.catch(() => undefined) // reported when its turn comes
        underWay.push(picture)
        started++
      }
      yield await (underWay.shift() as Promise<Picture>)
    }
  } finally {
    await Promise.allSettled(underWay)
  }
}

/** How picture `index` of a set is to be drawn: its own seed, its label, and a size and pose as a phone gives. */
export function plan(seed: number, index: number, mix: Mix): DrawOptions & { label: Label } {
  const own = scatter(seed, index)
  const r = random(scatter(own, 1))
  const label = r.pick(LABELS)
  const pixels = r.scale(...choose(r, mix).megapixels) * 1e6
  const aspect = r.pick([4 / 3, 4 / 3, 16 / 9, 3 / 4, 3 / 4])
  const width = 8 * Math.round(Math.sqrt(pixels * aspect) / 8)
  const height = 8 * Math.round(width / aspect / 8)
  // a phone gives its full size in good light, and smooths: such a file stays within about 4 MB
  const smooth = width * height > 6e6 ? 0.42 : 1
  const grain = smooth * (r.chance(0.5) ? r.between(1.5, 4) : r.between(4, 11))
  return { seed: own, label, width, height, grain, quality: r.whole(76, 95), lying: r.chance(0.15) }
}

function choose(r: Random, mix: Mix): Batch {
  let rest = r.next() * mix.reduce((sum, batch) => sum + batch.share, 0)
  for (const batch of mix) {
    rest -= batch.share
    if (rest < 0) return batch
  }
  throw new RangeError('the mix holds no picture: give at least one batch a share above 0')
}

async function obtain(options: DrawOptions & { label: Label }, stem: string, folder?: string): Promise<Picture> {
  const { label } = options
  const name = `${stem}-${label}.jpg`
  if (folder === undefined) return { name, jpeg: (await drawPicture(options)).jpeg, label }
  const path = join(folder, `${stem}-${label}-${options.width}x${options.height}.jpg`)
  const kept = await readFile(path).catch(() => undefined)
  if (kept !== undefined) return { name, jpeg: kept, label }
  const { jpeg } = await drawPicture(options)
  const draft = `${path}.${process.pid}.draft`
  await writeFile(draft, jpeg)
  await rename(draft, path)
  return { name, jpeg, label }
}
