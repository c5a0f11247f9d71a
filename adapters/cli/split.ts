import { createHash, randomUUID } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { BadConfiguration } from '../../pipeline/index.ts'
import {
  checkLoads,
  cutInTwo,
  type Encoded,
  findCut,
  type LayerCut,
  readModel,
  withRunShapes,
  writeEncoded,
} from '../onnx/graph/index.ts'
import { type Output, result } from './output.ts'
import { bytes, dimensions, states } from './units.ts'

/** Options of `quintet split`, as the command line gives them. */
export interface SplitCommandOptions {
  readonly after?: string
  readonly output?: string
  readonly dim?: unknown
  readonly state?: unknown
  readonly json?: boolean
}

/** `quintet split MODEL --after LAYER -o DIR`: head and tail as files. */
export async function splitCommand(path: string, options: SplitCommandOptions, output: Output): Promise<void> {
  if (options.after === undefined) {
    throw new BadConfiguration('Name the layer behind which to cut: --after LAYER. "quintet inspect MODEL" lists them.')
  }
  const read = await readModel(path, { dimensions: dimensions(options.dim), states: states(options.state) })
  const { model, failed } = await withRunShapes(read)
  if (failed !== undefined) output.note(`Some shapes stay unknown, as no run was possible: ${failed}.`)
  const cut = await findCut(model, String(options.after))
  const parts = await cutInTwo(model, cut)
  const folder = options.output ?? '.'
  const stem = basename(path).replace(/\.onnx$/, '')
  // Longer names than most file systems have room for end with what sets them apart.
  const label = short(cut.label.replace(/[^A-Za-z0-9._+-]/g, '_'), 180 - Math.min(stem.length, 120))
  const files = { head: join(folder, `${stem}.${label}.head.onnx`), tail: join(folder, `${stem}.${label}.tail.onnx`) }
  await writeBoth(folder, cut, [
    [files.head, parts.head.encoded],
    [files.tail, parts.tail.encoded],
  ])
  const names = (states: typeof cut.headStates): string[] => states.map(({ input }) => input.name)
  const value = {
    cut: cut.name,
    label: cut.label,
    crossing: parts.crossing,
    bytes: cut.bytes,
    head: {
      path: files.head,
      bytes: parts.head.encoded.length,
      inputs: parts.head.inputs,
      outputs: parts.head.outputs,
    },
    tail: {
      path: files.tail,
      bytes: parts.tail.encoded.length,
      inputs: parts.tail.inputs,
      outputs: parts.tail.outputs,
    },
    headStates: names(cut.headStates),
    tailStates: names(cut.tailStates),
  }
  result(output, options.json, value, () =>
    [
      `head  ${files.head}  ${bytes(parts.head.encoded.length)}`,
      `tail  ${files.tail}  ${bytes(parts.tail.encoded.length)}`,
      ...parts.crossing.map((one) => `crosses  ${one.name}  ${one.type} ${one.shape.join('×')}  ${bytes(one.bytes)}`),
      `The head does ${(100 * cut.headShare).toFixed(1)} % of the multiply-accumulates.`,
    ].join('\n'),
  )
}

function short(text: string, most: number): string {
  if (text.length <= most) return text
  return `${text.slice(0, most - 9)}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
}

/** Both files, or none where one cannot be written or the runtime does not load it. */
async function writeBoth(folder: string, cut: LayerCut, files: readonly (readonly [string, Encoded])[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  const aside = files.map(([path, content]) => ({ path, content, at: `${path}.${randomUUID()}` }))
  try {
    for (const { at, content } of aside) await writeEncoded(at, content)
    await checkLoads(
      cut,
      aside.map(({ at }) => resolve(at)),
    )
    for (const { at, path } of aside) await rename(at, path)
  } finally {
    await Promise.all(aside.map(({ at }) => rm(at, { force: true })))
  }
}
