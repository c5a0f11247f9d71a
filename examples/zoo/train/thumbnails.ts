/**
 * Draws a set of pictures and writes them as the models see them, one raw file a size (RGB bytes, N × side × side × 3)
 * and one of labels (a byte each): `thumbnails.ts FOLDER COUNT SEED train|phone`.
 */
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { LABELS } from '../draw/things.ts'
import { type Mix, PHONE, pictures } from '../pictures.ts'
import { frame } from './prepare.ts'

/** Mostly drawn small, because that is quick, and a share drawn as large as a phone's, so that both look alike. */
const TRAINING: Mix = [
  { share: 0.95, megapixels: [0.1, 0.25] },
  { share: 0.045, megapixels: [1, 2] },
  { share: 0.005, megapixels: [4, 12] },
]

const SIDES = [32, 48, 64, 96] as const

const [folder, count, seed, mix] = process.argv.slice(2)
if (folder === undefined || !Number(count) || !Number(seed)) {
  throw new Error('usage: thumbnails.ts FOLDER COUNT SEED train|phone')
}
await mkdir(folder, { recursive: true })
const files = SIDES.map((side) => createWriteStream(join(folder, `${side}.rgb`)))
const labels: number[] = []
const pending: Promise<Uint8Array[]>[] = []

async function writeOldest(): Promise<void> {
  const thumbnails = await (pending.shift() as Promise<Uint8Array[]>)
  for (const [i, bytes] of thumbnails.entries()) files[i]?.write(bytes)
}

for await (const { jpeg, label } of pictures({
  count: Number(count),
  seed: Number(seed),
  mix: mix === 'phone' ? PHONE : TRAINING,
})) {
  labels.push(LABELS.indexOf(label))
  pending.push(Promise.all(SIDES.map((side) => frame(jpeg, { width: side, height: side, resize: 'cover', crop: 1 }))))
  if (pending.length > 3) await writeOldest()
  if (labels.length % 1000 === 0) console.log(`${labels.length} of ${count} drawn`)
}
while (pending.length > 0) await writeOldest()
for (const file of files) file.end()
await Promise.all(files.map((file) => finished(file)))
await writeFile(join(folder, 'labels.bin'), Uint8Array.from(labels))
