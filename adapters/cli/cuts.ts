import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BadConfiguration } from '../../pipeline/index.ts'
import { catalogueFile, type Fidelity, type ModelCut } from '../../stages/manage/index.ts'
import { catalogue } from '../catalogue/index.ts'
import { cuts, type Model, readModel } from '../onnx/graph/index.ts'
import { measureFidelity, samples, usualPictures } from './fidelity.ts'
import { type Output, result, table } from './output.ts'
import { type Times, timesOf } from './times.ts'
import { bytes, wholeNumber } from './units.ts'

/** Options of `quintet cuts`, as the command line gives them. */
export interface CutsOptions {
  readonly threads?: number
  readonly pictures?: string
  readonly encodings?: string
  readonly most?: unknown
  readonly json?: boolean
}

/**
 * `quintet cuts FOLDER`: writes into a folder's catalogue where each model can be cut, with the bytes that cross and the
 * share of the run that lies before; with `--pictures`, too, what lossy encodings leave of each model's accuracy. Everything
 * else in the catalogue stays as it is.
 * @throws BadConfiguration for a catalogue that is wrong, or a model file that is not the one it describes
 */
export async function cutsCommand(folder: string, options: CutsOptions, output: Output): Promise<void> {
  const known = catalogue(folder)
  const file = join(folder, 'catalogue.json')
  const content = catalogueFile.current(JSON.parse(await readFile(file, 'utf8')), file) as {
    models: { id: string; cuts?: readonly ModelCut[]; fidelity?: readonly Fidelity[] }[]
  }
  const most = wholeNumber('--most', options.most, { most: 100_000 }) ?? 500
  const given = options.pictures === undefined ? undefined : await samples(options.pictures, most)
  const encodings = options.encodings?.split(',').map((name) => name.trim()) ?? usualPictures
  const written: {
    model: string
    times: Times['source']
    cuts: readonly ModelCut[]
    fidelity?: readonly Fidelity[]
  }[] = []
  for (const entry of content.models) {
    const { path, sha256 } = known.source(entry.id)
    const model = await readModel(path)
    if (model.file.sha256 !== sha256) {
      throw new BadConfiguration(`"${path}" is not the file that "${file}" describes. Correct its sha256 there.`)
    }
    const times = await timesOf(model, undefined, options.threads ?? 1, output.note)
    entry.cuts = modelCuts(model, times.layers)
    if (given) {
      const layers = entry.cuts.map(({ layer }) => layer)
      entry.fidelity = await measureFidelity(known.entry(entry.id), known.source(entry.id), {
        samples: given,
        pictures: encodings,
        layers,
      })
    }
    const { cuts: found, fidelity } = entry
    written.push({ model: entry.id, times: times.source, cuts: found, ...(fidelity ? { fidelity } : {}) })
  }
  await replace(file, `${JSON.stringify(content, null, 2)}\n`)
  result(output, options.json, written, () =>
    [
      table(
        ['model', '>cuts', '>least bytes', 'shares of time'],
        written.map(({ model, cuts: found, times }) => [
          model,
          String(found.length),
          found.length > 0 ? bytes(Math.min(...found.map((cut) => cut.bytes))) : '',
          times,
        ]),
      ),
      ...(given ? ['', fidelityTable(written)] : []),
    ].join('\n'),
  )
}

/** What each model keeps with each encoding; behind layers the least. */
function fidelityTable(
  written: readonly { readonly model: string; readonly fidelity?: readonly Fidelity[] }[],
): string {
  const rows = written.flatMap(({ model, fidelity = [] }) => {
    const names = [
      ...new Set(fidelity.map(({ cut, encoding }) => (cut === 'prepared' ? encoding : `${encoding}, behind a layer`))),
    ]
    return names.map((name) => {
      const own = fidelity.filter(
        ({ cut, encoding }) => name === (cut === 'prepared' ? encoding : `${encoding}, behind a layer`),
      )
      const least = own.reduce((worst, one) => (one.keeps < worst.keeps ? one : worst))
      return [
        model,
        name,
        `${(100 * least.keeps).toFixed(1)} %`,
        least.cut === 'prepared' ? '' : least.cut,
        bytes(least.bytes),
        `${least.pictures} by ${least.by}`,
      ]
    })
  })
  return table(['model', 'written', '>keeps at least', 'at', '>bytes', 'pictures'], rows)
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
