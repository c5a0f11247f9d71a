import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BadConfiguration } from '../../pipeline/index.ts'
import { catalogueFile, type ModelCut } from '../../stages/manage/index.ts'
import { catalogue } from '../catalogue/index.ts'
import { apart, because, examineCuts, type LayerCut, type RefusedCut, readModel } from '../onnx/graph/index.ts'
import { type Output, result, table } from './output.ts'
import { type Times, timesOf } from './times.ts'
import { bytes } from './units.ts'

// This command may take its time; the schema of the catalogue ends at as many cuts.
const mostTries = 1024
const within = 1_800_000

/** What the command says of a model. */
interface Written {
  readonly model: string
  readonly times: Times['source']
  readonly cuts: readonly ModelCut[]
  readonly refused: readonly RefusedInWords[]
}

interface RefusedInWords {
  readonly layer: string
  readonly why: RefusedCut['refusal']['why']
  readonly because: string
}

function told({ name, refusal }: RefusedCut): RefusedInWords {
  return { layer: name, why: refusal.why, because: because(refusal) }
}

/** Options of `quintet cuts`, as the command line gives them. */
export interface CutsOptions {
  readonly threads?: number
  readonly json?: boolean
}

/**
 * `quintet cuts FOLDER`: writes into a folder's catalogue where each model can be cut, with the bytes that cross and the
 * share of the run that lies before. Each is made once and compared with the whole; those that would change an answer are
 * told, with the reason, and left out. Everything else in the catalogue stays as it is.
 * @throws BadConfiguration for a catalogue that is wrong, or a model file that is not the one it describes
 */
export async function cutsCommand(folder: string, options: CutsOptions, output: Output): Promise<void> {
  const known = catalogue(folder)
  const file = join(folder, 'catalogue.json')
  const content = catalogueFile.current(JSON.parse(await readFile(file, 'utf8')), file) as {
    models: { id: string; cuts?: readonly ModelCut[] }[]
  }
  const written: Written[] = []
  for (const entry of content.models) {
    const { path, sha256 } = known.source(entry.id)
    const model = await readModel(path)
    if (model.file.sha256 !== sha256) {
      throw new BadConfiguration(`"${path}" is not the file that "${file}" describes. Correct its sha256 there.`)
    }
    const times = await timesOf(model, undefined, options.threads ?? 1)
    const { exact, refused } = await examineCuts(model, { tensors: 1, tries: mostTries, runtime: apart({ within }) })
    entry.cuts = modelCuts(exact, times.layers)
    written.push({ model: entry.id, times: times.source, cuts: entry.cuts, refused: refused.map(told) })
  }
  await replace(file, `${JSON.stringify(content, null, 2)}\n`)
  result(output, options.json, written, () =>
    table(
      ['model', '>cuts', '>least bytes', 'shares of time', '>beside', '>inexact', '>untried'],
      written.map(({ model, cuts: found, times, refused }) => [
        model,
        String(found.length),
        found.length > 0 ? bytes(Math.min(...found.map((cut) => cut.bytes))) : '',
        times,
        ...(['beside', 'inexact', 'untried'] as const).map((why) =>
          String(refused.filter((one) => one.why === why).length),
        ),
      ]),
    ),
  )
}

/** The cuts of a chain: each head holds the one before it, so that shares never fall. */
function modelCuts(exact: readonly LayerCut[], layers: readonly number[]): ModelCut[] {
  const whole = layers.reduce((sum, ms) => sum + ms, 0)
  let least = 0
  return exact.map((cut): ModelCut => {
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
