import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BadConfiguration, QuintetError } from '../../pipeline/index.ts'
import { catalogueFile, type Fidelity, type ModelCut, type ModelSource, mostCuts } from '../../stages/manage/index.ts'
import { catalogue } from '../catalogue/index.ts'
import {
  apart,
  because,
  type Cuts,
  examineCuts,
  type LayerCut,
  type Model,
  type RefusedCut,
  readModel,
  withRunShapes,
} from '../onnx/graph/index.ts'
import { measureFidelity, samples, usualPictures } from './fidelity.ts'
import { type Output, result, table } from './output.ts'
import { type Times, timesOf } from './times.ts'
import { bytes, dimensions, whole } from './units.ts'

// This command may take its time, ms a model; what was found out until then is kept, and the next call goes on from there.
const within = 600_000

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
  readonly pictures?: string
  readonly encodings?: string
  readonly most?: unknown
  readonly dim?: unknown
  readonly json?: boolean
}

/**
 * `quintet cuts FOLDER`: writes into a folder's catalogue where each model can be cut, with the bytes that cross and the
 * share of the run that lies before. Each is made once and compared with the whole; those that would change an answer are
 * told, with the reason, and left out. With `--pictures`, too, what lossy
 * encodings leave of each model's accuracy. Everything else in the catalogue stays as it is.
 * Sizes that a file leaves free are those of the entry's input, or `--dim`; shapes that only a run tells are taken from one.
 * A model that cannot be read keeps its entry, and the others go on.
 * @returns the exit code: 0, or 1 where a model could not be cut
 * @throws BadConfiguration for a catalogue that is wrong
 */
export async function cutsCommand(folder: string, options: CutsOptions, output: Output): Promise<number> {
  const threads = whole(options.threads ?? 1, '--threads')
  const sizes = dimensions(options.dim) ?? {}
  const known = catalogue(folder)
  const file = join(folder, 'catalogue.json')
  const content = catalogueFile.current(JSON.parse(new TextDecoder().decode(await readFile(file))), file) as {
    models: Entry[]
  }
  const most = whole(options.most ?? 500, '--most', { most: 100_000 })
  const given = options.pictures === undefined ? undefined : await samples(options.pictures, most)
  const encodings = options.encodings?.split(',').map((name) => name.trim()) ?? usualPictures
  const written: Written[] = []
  const failed: { model: string; error: { code: string; message: string } }[] = []
  const unused = new Set(Object.keys(sizes))
  for (const entry of content.models) {
    try {
      const model = await whatIs(known.source(entry.id), sizes, file, output)
      for (const name of unused) if (has(model, name)) unused.delete(name)
      const described = await describe(entry, model, threads, output)
      if (given) {
        entry.fidelity = await measureFidelity(known.entry(entry.id), known.source(entry.id), {
          samples: given,
          pictures: encodings,
          layers: described.cuts.map(({ layer }) => layer),
        })
      }
      const { fidelity } = entry
      written.push({ ...described, ...(fidelity ? { fidelity } : {}) })
    } catch (error) {
      if (!(error instanceof QuintetError)) throw error
      failed.push({ model: entry.id, error: { code: error.code, message: error.message } })
      if (!options.json) output.note(`${entry.id}: ${error.message}`)
    }
  }
  if (unused.size > 0 && failed.length === 0) {
    throw new BadConfiguration(
      `No model of "${file}" has a free dimension "${[...unused].join('", "')}". Leave it out.`,
    )
  }
  if (written.length > 0) await replace(file, `${JSON.stringify(content, null, 2)}\n`)
  result(output, options.json, [...written, ...failed], () =>
    [
      table(
        ['model', '>cuts', '>least bytes', 'shares of time', '>beside', '>inexact', '>untried'],
        written.map(({ model, cuts: found, times, complete, refused }) => [
          model,
          `${found.length}${complete ? '' : '+'}`,
          found.length > 0 ? bytes(Math.min(...found.map((cut) => cut.bytes))) : '',
          times,
          ...(['beside', 'inexact', 'untried'] as const).map((why) =>
            String(refused.filter((one) => one.why === why).length),
          ),
        ]),
      ),
      ...(given ? ['', fidelityTable(written)] : []),
    ].join('\n'),
  )
  for (const { model, complete } of written) {
    if (!complete && !options.json) output.note(`${model}: there are more cuts than those listed.`)
  }
  return failed.length > 0 ? 1 : 0
}

interface Entry {
  id: string
  cuts?: readonly ModelCut[]
  cutsComplete?: boolean
  fidelity?: readonly Fidelity[]
}

interface Written {
  readonly model: string
  readonly times: Times['source']
  readonly cuts: readonly ModelCut[]
  readonly complete: boolean
  readonly refused: readonly RefusedInWords[]
  readonly fidelity?: readonly Fidelity[]
}

async function whatIs(
  { name, path, sha256, axes }: ModelSource,
  sizes: Readonly<Record<string, number>>,
  file: string,
  output: Output,
): Promise<Model> {
  const read = await readModel(path, { axes: { ...axes, ...sizes } })
  if (read.file.sha256 !== sha256) {
    throw new BadConfiguration(`"${path}" is not the file that "${file}" describes. Correct its sha256 there.`)
  }
  const { model, failed } = await withRunShapes(read)
  if (failed !== undefined) output.note(`${name}: some shapes stay unknown, as no run was possible: ${failed}.`)
  return model
}

function has({ inputs, shapes }: Model, name: string): boolean {
  return name in shapes.dimensions || inputs.some((input) => name.startsWith(`${input.name}[`))
}

async function describe(entry: Entry, model: Model, threads: number, output: Output): Promise<Written> {
  const times = await timesOf(model, undefined, threads, output.note)
  const { exact, refused } = await examineCuts(model, { tensors: 1, tries: mostCuts, runtime: apart({ within }) })
  const { list, complete } = modelCuts(exact, times.layers)
  entry.cuts = list
  delete entry.cutsComplete
  if (!complete) entry.cutsComplete = false
  return { model: entry.id, times: times.source, cuts: list, complete, refused: refused.map(told) }
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
function modelCuts(found: Cuts, layers: readonly number[]): { list: ModelCut[]; complete: boolean } {
  const total = layers.reduce((sum, ms) => sum + ms, 0)
  const kept = fewEnough(found)
  const list = kept.map((cut): Omit<ModelCut, 'share'> & { share: number } => {
    const before = cut.head.reduce((sum, layer) => sum + (layers[layer] ?? 0), 0)
    const floats = cut.crossing.reduce((sum, tensor) => sum + (tensor.type === 'float32' ? tensor.bytes : 0), 0)
    return {
      layer: cut.name,
      bytes: cut.bytes,
      ...(floats === cut.bytes ? {} : { floats }),
      share: total > 0 ? Number((before / total).toFixed(4)) : cut.headShare,
    }
  })
  let least = 0
  for (const cut of list) {
    least = Math.min(1, Math.max(least, cut.share))
    cut.share = least
  }
  return { list, complete: found.complete && kept.length === found.length }
}

/** As many cuts as a catalogue takes: those on the lower envelope before the rest, which is thinned out evenly. */
function fewEnough(found: readonly LayerCut[]): readonly LayerCut[] {
  if (found.length <= mostCuts) return found
  const first = found.filter(({ envelope }) => envelope).slice(0, mostCuts)
  const rest = found.filter(({ envelope }) => !envelope)
  const places = mostCuts - first.length
  const chosen = new Set([
    ...first,
    ...rest.filter((_, at) => Math.floor(((at + 1) * places) / rest.length) > Math.floor((at * places) / rest.length)),
  ])
  return found.filter((cut) => chosen.has(cut))
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
