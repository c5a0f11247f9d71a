import { InferenceSession, Tensor } from 'onnxruntime-node'
import { cutInTwo, type LayerCut, type Model } from '../../../../adapters/onnx/graph/index.ts'
import { unlikeInputs } from './random.ts'

type Level = 'extended' | 'all'
type Tensors = Readonly<Record<string, Tensor>>

/** A session for tests: one thread, silent. */
export async function session(bytes: Uint8Array | string, level: Level): Promise<InferenceSession> {
  const options = { graphOptimizationLevel: level, intraOpNumThreads: 1, logSeverityLevel: 4 } as const
  return typeof bytes === 'string' ? InferenceSession.create(bytes, options) : InferenceSession.create(bytes, options)
}

/** Three unlike sets of inputs for a model without states. */
export function feeds(model: Model): Tensors[] {
  const sets: Record<string, Tensor>[] = [{}, {}, {}]
  for (const { name, shape } of model.inputs) {
    const length = (shape ?? []).reduce((product, side) => product * side, 1)
    unlikeInputs(length).forEach((values, index) => {
      Object.assign(sets[index] ?? {}, { [name]: new Tensor('float32', values, shape ?? []) })
    })
  }
  return sets
}

/** How far the parts of a cut answer from the whole: at worst over all outputs and inputs. */
export interface Difference {
  readonly bits: number
  readonly largest: number
  readonly sameTop: boolean
}

/** The whole model's answers, to compare cuts with. */
export interface Whole {
  readonly model: Model
  readonly level: Level
  readonly inputs: readonly Tensors[]
  readonly answers: readonly Tensors[]
}

/** Runs the whole model on three unlike inputs. */
export async function whole(model: Model, level: Level): Promise<Whole> {
  const running = await session(model.file.path, level)
  const inputs = feeds(model)
  const answers: Tensors[] = []
  for (const feed of inputs) answers.push(await running.run(feed))
  await running.release()
  return { model, level, inputs, answers }
}

/** Cuts the model, runs head and tail, compares with the whole. */
export async function difference({ model, level, inputs, answers }: Whole, cut: LayerCut): Promise<Difference> {
  const parts = await cutInTwo(model, cut)
  const head = await session(parts.head.bytes, level)
  const crossed: Tensors[] = []
  for (const feed of inputs) crossed.push(await head.run(only(feed, head.inputNames)))
  await head.release()
  const tail = await session(parts.tail.bytes, level)
  let worst: Difference = { bits: 0, largest: 0, sameTop: true }
  for (const [index, feed] of crossed.entries()) {
    const answer = await tail.run(only(feed, tail.inputNames))
    for (const { name } of model.outputs) worst = worse(worst, compare(answer[name], answers[index]?.[name]))
  }
  await tail.release()
  return worst
}

function only(feed: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(Object.entries(feed).filter(([name]) => names.includes(name)))
}

/** Compares two tensors bit by bit, by their largest difference, and by the place of their maximum. */
export function compare(one: Tensor | undefined, other: Tensor | undefined): Difference {
  if (!(one?.data instanceof Float32Array) || !(other?.data instanceof Float32Array))
    throw new Error('an output is missing')
  const a = one.data
  const b = other.data
  if (a.length !== b.length) throw new Error(`${a.length} values instead of ${b.length}`)
  let bits = 0
  let largest = 0
  const [left, right] = [
    new Int32Array(a.buffer, a.byteOffset, a.length),
    new Int32Array(b.buffer, b.byteOffset, b.length),
  ]
  for (let at = 0; at < a.length; at++) {
    if (left[at] === right[at]) continue
    bits++
    const distance = Math.abs((a[at] ?? 0) - (b[at] ?? 0))
    largest = Math.max(largest, Number.isNaN(distance) ? Infinity : distance)
  }
  return { bits, largest, sameTop: top(a) === top(b) }
}

function top(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? 0) ? index : best), 0)
}

function worse(one: Difference, other: Difference): Difference {
  return {
    bits: one.bits + other.bits,
    largest: Math.max(one.largest, other.largest),
    sameTop: one.sameTop && other.sameTop,
  }
}
