import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { BadConfiguration } from '../../pipeline/index.ts'
import { cutInTwo, findCut, readModel } from '../onnx/graph/index.ts'
import { type Output, result } from './output.ts'
import { bytes, dimensions } from './units.ts'

/** Options of `quintet split`, as the command line gives them. */
export interface SplitCommandOptions {
  readonly after?: string
  readonly output?: string
  readonly dim?: unknown
  readonly json?: boolean
}

/** `quintet split MODEL --after LAYER -o DIR`: head and tail as files. */
export async function splitCommand(path: string, options: SplitCommandOptions, output: Output): Promise<void> {
  if (options.after === undefined) {
    throw new BadConfiguration('Name the layer behind which to cut: --after LAYER. "quintet inspect MODEL" lists them.')
  }
  const model = await readModel(path, { dimensions: dimensions(options.dim) })
  const cut = await findCut(model, String(options.after))
  const parts = await cutInTwo(model, cut)
  const folder = options.output ?? '.'
  const stem = basename(path).replace(/\.onnx$/, '')
  const label = cut.label.replace(/[^A-Za-z0-9._+-]/g, '_')
  const files = { head: join(folder, `${stem}.${label}.head.onnx`), tail: join(folder, `${stem}.${label}.tail.onnx`) }
  await writeBoth(folder, [
    [files.head, parts.head.bytes],
    [files.tail, parts.tail.bytes],
  ])
  const names = (states: typeof cut.headStates): string[] => states.map(({ input }) => input.name)
  const value = {
    cut: cut.name,
    label: cut.label,
    crossing: parts.crossing,
    bytes: cut.bytes,
    head: { path: files.head, bytes: parts.head.bytes.length, inputs: parts.head.inputs, outputs: parts.head.outputs },
    tail: { path: files.tail, bytes: parts.tail.bytes.length, inputs: parts.tail.inputs, outputs: parts.tail.outputs },
    headStates: names(cut.headStates),
    tailStates: names(cut.tailStates),
  }
  result(output, options.json, value, () =>
    [
      `head  ${files.head}  ${bytes(parts.head.bytes.length)}`,
      `tail  ${files.tail}  ${bytes(parts.tail.bytes.length)}`,
      ...parts.crossing.map((one) => `crosses  ${one.name}  ${one.type} ${one.shape.join('×')}  ${bytes(one.bytes)}`),
      `The head does ${(100 * cut.headShare).toFixed(1)} % of the multiply-accumulates.`,
    ].join('\n'),
  )
}

/** Both files, or none where the first cannot be written. */
async function writeBoth(folder: string, files: readonly (readonly [string, Uint8Array])[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  const aside = files.map(([path, content]) => ({ path, content, at: `${path}.${randomUUID()}` }))
  try {
    for (const { at, content } of aside) await writeFile(at, content)
    for (const { at, path } of aside) await rename(at, path)
  } finally {
    await Promise.all(aside.map(({ at }) => rm(at, { force: true })))
  }
}
