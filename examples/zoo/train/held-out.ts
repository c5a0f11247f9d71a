/** Writes held-out pictures as `FOLDER/LABEL/NAME.jpg`, for `quintet cuts --pictures`: `held-out.ts FOLDER COUNT CACHE`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pictures } from '../pictures.ts'
import { HELD_OUT } from './held-out-set.ts'

const [folder, count, cache] = process.argv.slice(2)
if (folder === undefined || count === undefined) throw new Error('usage: held-out.ts FOLDER COUNT CACHE')

for await (const { name, jpeg, label } of pictures({
  ...HELD_OUT,
  count: Math.min(Number(count), HELD_OUT.count),
  ...(cache === undefined ? {} : { cache }),
})) {
  await mkdir(join(folder, label), { recursive: true })
  await writeFile(join(folder, label, name), jpeg)
}
