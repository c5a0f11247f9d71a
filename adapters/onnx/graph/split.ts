import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { z } from 'zod'
import { type Cut, ModelLoadFailed } from '../../../pipeline/index.ts'
import { cached, type Saved } from './cache.ts'
import type { LayerCut } from './cuts.ts'
import { type ExactOptions, findCut } from './exact.ts'
import type { Model } from './model.ts'
import { cutInTwo } from './parts.ts'
import { apart, type Runtime } from './runtime.ts'
import { splitFolder } from './split-folder.ts'
import type { TensorInfo, WireTensor } from './tensors.ts'

/** The head or tail of a split model on disk: an ordinary model to an executor. */
export interface Part {
  /** The file's sha256: equal parts have equal keys. */
  readonly key: string
  /** For people, e.g. `mobilenet_v2.onnx up to pool5`. */
  readonly name: string
  readonly path: string
  readonly sha256: string
  readonly bytes: number
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
}

/** A model cut in two, on disk. */
export interface Split {
  readonly cut: Cut
  readonly head: Part
  readonly tail: Part
  /** What crosses the wire, by the name under which the head gives it and the tail takes it. */
  readonly crossing: readonly WireTensor[]
  readonly crossingBytes: number
  /** Names of state tensors that stay with each side: input → output of one step. */
  readonly headStates: Readonly<Record<string, string>>
  readonly tailStates: Readonly<Record<string, string>>
}

/** Where the parts go. */
export interface SplitOptions extends ExactOptions {
  /** Folder of the cache; `splits` of `cacheFolder()` by default. */
  readonly folder?: string
}

const tensor = z.object({
  name: z.string(),
  type: z.string(),
  shape: z.array(z.number()).optional(),
  bytes: z.number(),
})
/** What is written beside the parts. */
const description = z.object({
  crossing: z.array(tensor),
  head: z.object({ inputs: z.array(tensor), outputs: z.array(tensor) }),
  tail: z.object({ inputs: z.array(tensor), outputs: z.array(tensor) }),
})

// Raised whenever parts of the same model and cut come out otherwise.
const version = 2

/**
 * Splits a model behind a layer (or at a cut that `cuts` found). Head and tail are written once per model content,
 * cut and sizes of free dimensions; later calls find and verify them.
 * @throws UnknownCut · TooLarge · BadExternalData · ModelLoadFailed where the runtime refuses a part; nothing is left then
 */
export async function split(model: Model, cut: LayerCut | string, options: SplitOptions = {}): Promise<Split> {
  const runtime = options.runtime ?? apart(options)
  const chosen = typeof cut === 'string' ? await findCut(model, cut, { ...options, runtime }) : cut
  const key = keyOf(model, chosen)
  const saved = await cached(options.folder ?? splitFolder(), key, async () => {
    const { head, tail, crossing } = await cutInTwo(model, chosen)
    return {
      files: { 'head.onnx': head.encoded, 'tail.onnx': tail.encoded },
      about: { crossing, head: sidesOf(head), tail: sidesOf(tail) },
      check: (paths) => checkLoads(chosen, paths, runtime),
    }
  })
  const about = description.parse(saved.about)
  const model_ = basename(model.file.path)
  const names = (states: LayerCut['headStates']): Record<string, string> =>
    Object.fromEntries(states.map(({ input, output }) => [input.name, output.name]))
  return {
    cut: `after:${chosen.name}`,
    head: partOf(saved, 'head.onnx', `${model_} up to ${chosen.label}`, about.head),
    tail: partOf(saved, 'tail.onnx', `${model_} behind ${chosen.label}`, about.tail),
    crossing: about.crossing as unknown as readonly WireTensor[],
    crossingBytes: chosen.bytes,
    headStates: names(chosen.headStates),
    tailStates: names(chosen.tailStates),
  }
}

function sidesOf({ inputs, outputs }: { inputs: readonly TensorInfo[]; outputs: readonly TensorInfo[] }): object {
  return { inputs, outputs }
}

function partOf(saved: Saved, file: string, name: string, about: z.infer<typeof description>['head']): Part {
  const entry = saved.files[file]
  if (!entry) throw new RangeError(`no ${file} in the cache entry`)
  return {
    key: entry.sha256,
    name,
    ...entry,
    inputs: about.inputs as unknown as readonly TensorInfo[],
    outputs: about.outputs as unknown as readonly TensorInfo[],
  }
}

/**
 * Has the runtime load both parts: a split is done when it can be used.
 * @throws ModelLoadFailed with what the runtime says
 */
export async function checkLoads(cut: LayerCut, paths: readonly string[], runtime: Runtime = apart()): Promise<void> {
  await runtime.load(paths).catch((cause: Error) => {
    throw new ModelLoadFailed(
      `Behind "${cut.name}" the model was cut, but the runtime does not load the parts: ${cause.message.trim().replace(/\.$/, '')}. Cut it elsewhere.`,
      { cause },
    )
  })
}

/** The content's hash: the model with its external weights, which layers the head has, and the sizes taken. */
function keyOf(model: Model, cut: LayerCut): string {
  const hash = createHash('sha256').update(`${version} ${model.file.sha256} ${cut.head.join()} `)
  hash.update(
    JSON.stringify([
      cut.crossing.map(({ name, type }) => [name, type]),
      Object.entries(model.shapes.dimensions).sort(),
    ]),
  )
  hash.update(JSON.stringify(model.states.map(({ input, output }) => [input.name, output.name])))
  return hash.digest('hex')
}
