import { InferenceSession, type Tensor } from 'onnxruntime-node'
import type { PartModel } from '../../adapters/onnx/graph/index.ts'

export type Level = 'extended' | 'all'
export type Tensors = Readonly<Record<string, Tensor>>

/** How far one set of answers is from another. */
export interface Difference {
  /** Elements that are not the same, bit for bit; a NaN is like any other. */
  readonly elements: number
  /** The largest distance, as a share of the largest answer (of 1 where that is smaller). */
  readonly share: number
  /** Every answer is within what sums in another order come to in its type. */
  readonly rounded: boolean
}

/** Nothing differs. */
export const same: Difference = { elements: 0, share: 0, rounded: true }

/** The larger of both. */
export const worse = (one: Difference, other: Difference): Difference => ({
  elements: one.elements + other.elements,
  share: Math.max(one.share, other.share),
  rounded: one.rounded && other.rounded,
})

/** What sums in another order come to, as a share of the largest answer. Of halves, that is one step between two of them. */
const roundingOf = (type: Tensor['type']) => (type === 'float16' ? 2 ** -10 : 1e-6)

/** A session for comparisons: one thread, silent. */
export async function open(model: string | Uint8Array, level: Level): Promise<InferenceSession> {
  const options = { graphOptimizationLevel: level, intraOpNumThreads: 1, logSeverityLevel: 4 } as const
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options)
}

/** The head's outputs go to the tail; answers are what both give under a name of the whole. */
export async function runParts(
  parts: { readonly head: PartModel; readonly tail: PartModel },
  level: Level,
  inputs: readonly Tensors[],
): Promise<Tensors[]> {
  const head = await open(parts.head.bytes, level)
  const crossed: Tensors[] = []
  for (const feed of inputs) crossed.push({ ...feed, ...(await head.run(only(feed, head.inputNames))) })
  await head.release()
  const tail = await open(parts.tail.bytes, level)
  const answers: Tensors[] = []
  for (const feed of crossed) answers.push({ ...feed, ...(await tail.run(only(feed, tail.inputNames))) })
  await tail.release()
  return answers
}

/** What a session takes of the tensors at hand. */
export function only(feed: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(Object.entries(feed).filter(([name]) => names.includes(name)))
}

/** Compares all of the whole's answers with those of the parts. */
export function difference(whole: Tensors, parts: Tensors): Difference {
  let worst = same
  for (const [name, answer] of Object.entries(whole)) worst = worse(worst, distance(answer, parts[name]))
  return worst
}

function distance(one: Tensor, other: Tensor | undefined): Difference {
  if (!other || one.type !== other.type || String(one.dims) !== String(other.dims)) {
    return { elements: Math.max(1, one.size), share: Infinity, rounded: false }
  }
  const [a, b] = [numbers(one), numbers(other)]
  let [elements, largest, scale] = [0, 0, 1]
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at], b[at]]
    if (typeof x === 'number' && Number.isFinite(x)) scale = Math.max(scale, Math.abs(x))
    if (Object.is(x, y)) continue
    elements++
    const away = Math.abs(Number(x) - Number(y))
    largest = Math.max(largest, Number.isNaN(away) ? Infinity : away)
  }
  const share = largest / scale
  return { elements, share, rounded: share <= roundingOf(one.type) }
}

function numbers(tensor: Tensor): ArrayLike<number | bigint | string> {
  const data = tensor.data as ArrayLike<number | bigint | string>
  return tensor.type === 'float16' ? Array.from(data as Uint16Array, halfOf) : data
}

function halfOf(half: number): number {
  const [sign, exponent, mantissa] = [half & 0x8000 ? -1 : 1, (half >>> 10) & 31, half & 1023]
  if (exponent === 31) return mantissa ? Number.NaN : sign * Infinity
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25))
}
