import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { BadConfiguration, type Cut, readOptions, UnknownModel } from '../../pipeline/index.ts'
import type { ModelSource } from '../../stages/execute/index.ts'
import {
  type CatalogueEntry,
  type catalogueEntry,
  catalogueFile,
  expectations,
  type Models,
  offered,
} from '../../stages/manage/index.ts'

/** An entry as it is written down: what has a default may be left out. */
export type CatalogueEntryInput = z.input<typeof catalogueEntry>

export interface CatalogueOptions {
  /**
   * What to do at the start about a model whose file is not there or has another size than the catalogue says.
   * `refuse` (default): fail at once. `allow`: for a half that only reads descriptions, or that fetches files later;
   * then loading such a model fails.
   */
  readonly missing?: 'refuse' | 'allow'
  /**
   * Folders besides the catalogue's own into which a model's file may be a link, as download caches make them
   * (`snapshots/…/model.onnx` → `../../blobs/…`). Relative paths start at the working directory. Default: none.
   */
  readonly roots?: readonly string[]
}

/**
 * The models of a folder, described by its `catalogue.json`. The description is checked whole; the files' hashes are
 * checked when an executor loads them.
 *
 * @param folder holds `catalogue.json` and the model files; relative paths start at the working directory
 * @throws BadConfiguration with every fault of the file in words · VersionMismatch another release wrote it
 */
export function catalogue(folder: string, options: CatalogueOptions = {}): Models {
  const file = join(folder, 'catalogue.json')
  let text: string
  try {
    // Unlike reading as "utf8" it leaves out the byte order mark that some editors write.
    text = new TextDecoder().decode(readFileSync(file))
  } catch (cause) {
    throw new BadConfiguration(
      `Cannot read "${file}". Give the folder that holds a catalogue.json and the model files.`,
      { cause },
    )
  }
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    // Some shells write UTF-16, which begins with bytes that are no UTF-8.
    const wide = text.startsWith('\ufffd\ufffd') || text.includes('\0')
    const what = wide ? 'not UTF-8. Save it as UTF-8' : `not JSON (${(cause as Error).message}). Correct it there`
    throw new BadConfiguration(`"${file}" is ${what}.`, { cause })
  }
  return open(catalogueFile.current(content, `"${file}"`), folder, `"${file}"`, options)
}

/**
 * The same from values instead of a `catalogue.json`.
 *
 * @throws BadConfiguration with every fault of the entries in words
 */
export function models(
  entries: readonly CatalogueEntryInput[],
  folder: string,
  options: CatalogueOptions = {},
): Models {
  return open({ version: catalogueFile.version, models: entries }, folder, 'The list of models', options)
}

const catalogueOptions = z.strictObject({
  missing: z.enum(['refuse', 'allow']).default('refuse'),
  roots: z.array(z.string().min(1)).optional(),
} satisfies Record<keyof CatalogueOptions, z.ZodType>)

function open(content: unknown, folder: string, name: string, options: CatalogueOptions): Models {
  const { missing } = readOptions(catalogueOptions, options, 'the catalogue')
  const parsed = catalogueFile.schema.safeParse(content)
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  ${inWords(issue.path, content)}: ${issue.message}`)
    throw new BadConfiguration(`${name} does not describe models correctly. Correct:\n${faults.join('\n')}`, {
      cause: parsed.error,
    })
  }
  const entries = new Map(parsed.data.models.map((entry) => [entry.id, freeze(entry)]))
  const root = resolve(folder)
  const roots = [root, ...(options.roots ?? []).map((allowed) => resolve(allowed))]
  const sources = new Map<string, ModelSource>()
  const ids = [...entries.keys()]
  const layers = new Map(
    parsed.data.models.map(({ id, cuts = [] }): [string, readonly Cut[]] => [
      id,
      cuts.map(({ layer }): Cut => `after:${layer}`),
    ]),
  )

  function entry(id: string): CatalogueEntry {
    const found = entries.get(id)
    if (found === undefined) throw new UnknownModel(id, ids)
    return found
  }

  function source(id: string): ModelSource {
    const known = sources.get(id)
    if (known !== undefined) return known
    const described = entry(id)
    const { file, sha256, bytes, batch, input } = described
    const path = join(root, file)
    const made: ModelSource = {
      key: sha256,
      name: id,
      path,
      sha256,
      bytes,
      axes: axesOf(input),
      expects: expectations(described),
      ...(batch === false ? { batch } : {}),
    }
    // Remembered only once the file is there, as a link could still appear in its place.
    if (staysInside(roots, path, id)) sources.set(id, made)
    return made
  }

  function cuts(id: string): readonly Cut[] {
    const found = layers.get(id)
    if (found === undefined) throw new UnknownModel(id, ids)
    return found
  }

  if (missing !== 'allow') {
    const faults = ids.flatMap((id) => faultOfFile(source(id)) ?? [])
    if (faults.length > 0) {
      throw new BadConfiguration(
        `${name} names models whose files are not right. Fetch them again (or pass missing: 'allow'):\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
      )
    }
  }
  return {
    ids,
    entry,
    source,
    cuts,
    accuracy: (id) => entry(id).accuracy,
    encodings: (id) => offered(entry(id)),
  }
}

/** The sides of a picture by the axes of the input that they stand on. */
function axesOf({ name, width, height, layout }: CatalogueEntry['input']): Readonly<Record<string, number>> {
  const sides = layout === 'NCHW' ? [1, 3, height, width] : [1, height, width, 3]
  return Object.fromEntries(sides.flatMap((side, axis) => (axis === 0 ? [] : [[`${name}[${axis}]`, side]])))
}

/** Follows links: a file inside the folder by name may still stand elsewhere. @returns whether the file is there. */
function staysInside(roots: readonly string[], path: string, id: string): boolean {
  const real = realPath(path)
  if (real === undefined) return false
  const inside = roots.some((root) => {
    const realRoot = realPath(root)
    const way = realRoot === undefined ? '..' : relative(realRoot, real)
    return !(way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))
  })
  if (inside) return true
  throw new BadConfiguration(
    `The file of model "${id}" is a link out of the catalogue's folder, to "${real}". Allow the folder it leads to, catalogue(folder, { roots: ['${dirname(real)}'] }), or put the file itself into "${roots[0]}".`,
  )
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function faultOfFile({ name, path, bytes }: ModelSource): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false })
  if (!status?.isFile()) return `${name}: there is no file "${path}"`
  if (status.size !== bytes) return `${name}: "${path}" has ${status.size} bytes, the catalogue says ${bytes}`
  return undefined
}

/** `models[2] "mobilenet" input.width`: where an issue is, with the id of the model it is about where it has one. */
function inWords(path: readonly PropertyKey[], content: unknown): string {
  const [list, index, ...rest] = path
  if (list !== 'models' || typeof index !== 'number') return path.join('.') || 'the file'
  const id = (content as { models: readonly { id?: unknown }[] }).models[index]?.id
  const field = rest.length > 0 ? ` ${rest.join('.')}` : ''
  return `models[${index}]${typeof id === 'string' ? ` "${id}"` : ''}${field}`
}

/** Entries are handed out to everybody, so nobody may change them. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) freeze(each)
  return Object.freeze(value)
}
