import { createHash } from 'node:crypto'
import { hashOf } from '../hash.ts'
import { externalTensors, locate } from './external.ts'
import type { Model } from './model.ts'

/** The hash of all that a model consists of: its file and the files of its weights. */
export async function contentOf(model: Model): Promise<string> {
  const hash = createHash('sha256').update(model.file.sha256)
  const paths = await Promise.all(externalTensors(model.file.proto).map((one) => locate(one, model.file.path)))
  for (const path of [...new Set(paths.map((one) => one.path))].sort()) hash.update(await hashOf(path))
  return hash.digest('hex')
}
