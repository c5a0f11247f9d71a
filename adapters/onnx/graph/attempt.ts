import { z } from 'zod'
import { fromHalves } from '../../../stages/transfer/index.ts'
import { InferenceSession, type Tensor } from '../runtime.ts'
import { type Expressions, expressionsOf } from './expressions.ts'
import { kindsOfInputs, seededInputs, type Tensors } from './feeds.ts'
import type { Model } from './model.ts'
import { optimised } from './optimised.ts'
import { type CutPlan, cutInTwo, type PartModel, type Parts } from './parts.ts'

/** What was found out about a cut by making its parts. */
export const attemptResult = z.union([
  /** The runtime computes the parts by the same operators, from the same, as the whole: no answer can differ. */
  z.object({ same: z.literal(true) }),
  /**
   * It does not. The parts were run on seeded inputs: how far their answers were from the whole's, at most, as a share of
   * the largest answer (of 1 where that is less).
   */
  z.object({ deviation: z.number() }),
  /** Why nothing can be said. */
  z.object({ failed: z.string() }),
])
export type Attempt = z.infer<typeof attemptResult>

/**
 * Tries cuts, at level `extended`: asks the runtime for the graphs that it makes of head and tail, and runs both against
 * the whole where those are not the whole's. Takes what loading and running takes, in the thread that calls, and the
 * memory of one part at a time.
 */
export async function* attempts(model: Model, cuts: readonly CutPlan[]): AsyncGenerator<Attempt> {
  const expected = await optimised(model.file.path, (file) => expressionsOf(file)).catch(reason)
  let whole: Whole | string | undefined
  for (const cut of cuts) {
    if (typeof expected === 'string') {
      yield { failed: expected }
      continue
    }
    try {
      const parts = await cutInTwo(model, cut)
      if (await computesTheSame(model, parts, expected)) yield { same: true }
      else {
        whole ??= await answersOf(model).catch(reason)
        yield typeof whole === 'string' ? { failed: whole } : { deviation: await deviationOf(parts, whole) }
      }
    } catch (error) {
      yield { failed: reason(error) }
    }
  }
}

async function computesTheSame(model: Model, { head, tail }: Parts, expected: Expressions): Promise<boolean> {
  const above = await optimised(head.bytes, (file) => expressionsOf(file))
  // The model's inputs that the tail reads stand for themselves; what the head gives is what the head computes.
  const given = new Map(head.outputs.map(({ name }) => [name, above.get(name) ?? '']))
  const below = await optimised(tail.bytes, (file) => expressionsOf(file, given))
  const inTail = new Set(tail.outputs.map(({ name }) => name))
  return model.outputs.every(({ name }) => (inTail.has(name) ? below : above).get(name) === expected.get(name))
}

interface Whole {
  readonly inputs: readonly Tensors[]
  readonly answers: readonly Tensors[]
}

async function answersOf(model: Model): Promise<Whole> {
  const inputs = Array.from({ length: kindsOfInputs }, (_, seed) => seededInputs(model, seed))
  const given = inputs.filter((one) => one !== undefined)
  if (given.length === 0) throw new TypeError('no inputs can be made up for this model')
  const answers = await run(model.file.path, given)
  const again = await run(model.file.path, given)
  if (deviation(answers, again) > 0) throw new TypeError('the answers of the whole model differ from run to run')
  return { inputs: given, answers }
}

async function deviationOf({ head, tail }: Parts, whole: Whole): Promise<number> {
  const crossed = await runPart(head, whole.inputs)
  return deviation(whole.answers, await runPart(tail, crossed))
}

/** What a part answers, with all that was there before. */
async function runPart(part: PartModel, inputs: readonly Tensors[]): Promise<Tensors[]> {
  const wanted = new Set(part.inputs.map(({ name }) => name))
  const feeds = inputs.map((feed) => Object.fromEntries(Object.entries(feed).filter(([name]) => wanted.has(name))))
  const answers = await run(part.bytes, feeds)
  return answers.map((answer, index) => ({ ...inputs[index], ...answer }))
}

async function run(model: string | Uint8Array, feeds: readonly Tensors[]): Promise<Tensors[]> {
  const options = { graphOptimizationLevel: 'extended', intraOpNumThreads: 1, logSeverityLevel: 4 } as const
  const session = await (typeof model === 'string'
    ? InferenceSession.create(model, options)
    : InferenceSession.create(model, options))
  try {
    const answers: Tensors[] = []
    for (const feed of feeds) answers.push(await session.run(feed))
    return answers
  } finally {
    await session.release()
  }
}

function deviation(whole: readonly Tensors[], parts: readonly Tensors[]): number {
  let most = 0
  whole.forEach((answer, index) => {
    for (const [name, tensor] of Object.entries(answer)) most = Math.max(most, distance(tensor, parts[index]?.[name]))
  })
  return most
}

/** 0 where two tensors are the same bit for bit (any NaN is like any other), else at least the least positive number. */
function distance(one: Tensor, other: Tensor | undefined): number {
  if (other?.type !== one.type || String(other.dims) !== String(one.dims)) return Infinity
  const [a, b] = [numbers(one), numbers(other)]
  let [largest, scale] = [0, 1]
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at], b[at]]
    if (typeof x === 'number' && Number.isFinite(x)) scale = Math.max(scale, Math.abs(x))
    if (Object.is(x, y)) continue
    const away = Math.abs(Number(x) - Number(y))
    largest = Math.max(largest, Number.isNaN(away) ? Infinity : away || Number.MIN_VALUE)
  }
  return largest === 0 ? 0 : Math.max(largest / scale, Number.MIN_VALUE)
}

function numbers({ data, type }: Tensor): ArrayLike<number | bigint | string> {
  const values = data as ArrayLike<number | bigint | string>
  return type === 'float16' ? fromHalves(data as Uint16Array) : values
}

function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replace(/\.$/, '')
}
