import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BadConfiguration } from '../../pipeline/index.ts'
import { catalogueFile, type ModelCut } from '../../stages/manage/index.ts'
import { catalogue } from '../catalogue/index.ts'
import { cuts, type Model, readModel } from '../onnx/graph/index.ts'
import { type Output, result, table } from './output.ts'
import { type Times, timesOf } from './times.ts'
import { bytes } from './units.ts'

/** Options of `quintet cuts`, as the command line gives them. */
export interface CutsOptions {
  readonly threads?: number
  readonly json?: boolean
}

/**
 * `quintet cuts FOLDER`: writes into a folder's catalogue where each model can be cut, with the bytes that cross and the
 * share of the run that lies before. Everything else in the catalogue stays as it is.
 * @throws BadConfiguration for a catalogue that is wrong, or a model file that is not the one it describes
 */
export async function cutsCommand(folder: string, options: CutsOptions, output: Output): Promise<void> {
  const known = catalogue(folder)
  const file = join(folder, 'catalogue.json')
  const content = catalogueFile.current(JSON.parse(new TextDecoder().decode(await readFile(file))), file) as {
    models: { id: string; cuts?: readonly ModelCut[] }[]
  }
  const written: { model: string; times: Times['source']; cuts: readonly ModelCut[] }[] = []
  for (const entry of content.models) {
    const { path, sha256 } = known.source(entry.id)
    const model = await readModel(path)
    if (model.file.sha256 !== sha256) {
      throw new BadConfiguration(`"${path}" is not the file that "${file}" describes. Correct its sha256 there.`)
    }
    const times = await timesOf(model, undefined, options.threads ?? 1)
    entry.cuts = modelCuts(model, times.layers)
    written.push({ model: entry.id, times: times.source, cuts: entry.cuts })
  }
  await replace(file, `${JSON.stringify(content, null, 2)}\n`)
  result(output, options.json, written, () =>
    table(
      ['model', '>cuts', '>least bytes', 'shares of time'],
      written.map(({ model, cuts: found, times }) => [
        model,
        String(found.length),
        found.length > 0 ? bytes(Math.min(...found.map((cut) => cut.bytes))) : '',
        times,
      ]),
    ),
  )
}

/** The cuts of a chain: each head holds the one before it, so that shares never fall. */
function modelCuts(model: Model, layers: readonly number[]): ModelCut[] {
  const whole = layers.reduce((sum, ms) => sum + ms, 0)
  let least = 0
  return cuts(model, { tensors: 1 }).map((cut): ModelCut => {
    const before = cut.head.reduce((sum, layer) => sum + (layers[layer] ?? 0), 0)
    least = Math.max(least, whole > 0 ? Number((before / whole).toFixed(4)) : cut.headShare)
    const floats = cut.crossing.reduce((sum, tensor) => sum + (tensor.type === 'float32' ? tensor.bytes : 0), 0)
    return {
      layer: cut.name,
      bytes: cut.bytes,
      ...(floats === cut.bytes ? {} : { floats }),
      share: Math.min(1, least),
    }
  })
}

/** The new content is there whole, or the old one still is. */
async function replace(path: string, content: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await writeFile(aside, content)
    await rename(aside, path)
  } finally {
    await rm(aside, { force: true })
  }
}
