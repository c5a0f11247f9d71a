import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededInputs } from '../../adapters/onnx/graph/feeds.ts'
import {
  cutInTwo,
  examineCuts,
  here,
  type LayerCut,
  type Model,
  type RefusedCut,
  type Runtime,
  readModel,
} from '../../adapters/onnx/graph/index.ts'
import { seeded } from '../adapters/onnx/graph/seeded.ts'
import { type Difference, difference, type Level, open, runParts, same, type Tensors, worse } from './compare.ts'

/** One model to examine. */
export interface Subject {
  readonly name: string
  readonly path: string
  /** Which set it belongs to. */
  readonly set: string
  /** Folders of its own inputs, in the format of the ONNX project's tests. */
  readonly inputs?: readonly string[]
  /** Tensors that may cross at once; 3 by default. */
  readonly tensors?: number
  /** Its weights are all alike and are to be replaced: it would answer the same to every input. */
  readonly seeded?: boolean
}

/** A cut that answers otherwise than the whole. */
export interface Off {
  readonly cut: string
  readonly level: Level
  readonly reason: string
}

/** What was found of one model. */
export interface Report {
  readonly name: string
  readonly set: string
  /** Why there is nothing to compare: the model cannot be read, cut, or run. */
  readonly unfit?: string
  readonly layers: number
  readonly cuts: number
  readonly off: readonly Off[]
  /** Cuts that are not offered, by the kind of reason. */
  readonly refused: Readonly<Record<string, number>>
  /** Of those that are computed otherwise: the largest distance in a trial. */
  readonly inexactBy: number
  /** At `all` alone: cuts that are not bit for bit, and the largest distance as a share of the largest answer. */
  readonly roundedAtAll: number
  readonly farthestAtAll: number
}

/** Tries every cut of a model on its own inputs and on seeded ones, at both levels. */
export async function examine(
  subject: Subject,
  own: (model: Model) => Promise<Tensors[]> = async () => [],
  runtime: Runtime = here,
): Promise<Report> {
  const { name, set, path, tensors = 3, seeded: reseed } = subject
  const nothing: Report = {
    ...{ name, set, layers: 0, cuts: 0, off: [], refused: {} },
    ...{ inexactBy: 0, roundedAtAll: 0, farthestAtAll: 0 },
  }
  const folder = await mkdtemp(join(tmpdir(), 'quintet-examined-'))
  try {
    const model = await (reseed ? seeded(path, join(folder, 'seeded.onnx')) : readModel(path))
    const { exact, refused } = await examineCuts(model, { runtime, tensors })
    const report = { ...nothing, layers: model.layers.length, ...counted(refused) }
    if (exact.length === 0) return { ...report, unfit: 'has no cut' }
    return { ...report, ...(await compareAll(model, exact, await own(model))) }
  } catch (error) {
    return { ...nothing, unfit: `cannot be read: ${text(error)}` }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function counted(all: readonly RefusedCut[]): Pick<Report, 'refused' | 'inexactBy'> {
  const refused: Record<string, number> = {}
  let inexactBy = 0
  for (const { refusal } of all) {
    refused[refusal.why] = (refused[refusal.why] ?? 0) + 1
    if (refusal.why === 'inexact') inexactBy = Math.max(inexactBy, refusal.deviation)
  }
  return { refused, inexactBy }
}

async function compareAll(model: Model, cuts: readonly LayerCut[], own: Tensors[]): Promise<Partial<Report>> {
  const made = [101, 102, 103].map((seed) => seededInputs(model, seed)).filter((one) => one !== undefined)
  const off: Off[] = []
  let [rounded, farthest] = [0, 0]
  for (const level of ['extended', 'all'] as const) {
    const whole = await answersOf(model.file.path, level, [...own, ...made])
    if (typeof whole === 'string') return { unfit: whole }
    for (const cut of cuts) {
      const found = await compareCut(model, cut, level, whole)
      if (typeof found === 'string') off.push({ cut: cut.name, level, reason: found })
      else if (found.elements === 0) continue
      // At `all` the runtime lays out memory by what a graph holds, so that sums are taken in another order.
      else if (level === 'all' && found.rounded) {
        rounded++
        farthest = Math.max(farthest, found.share)
      } else {
        const reason = `${found.elements} numbers differ, by up to ${found.share.toExponential(1)}`
        off.push({ cut: cut.name, level, reason })
      }
    }
  }
  return { cuts: cuts.length, off, roundedAtAll: rounded, farthestAtAll: farthest }
}

interface Whole {
  readonly inputs: readonly Tensors[]
  readonly answers: readonly Tensors[]
}

/** The whole model's answers to those of the inputs that it takes. */
async function answersOf(path: string, level: Level, inputs: readonly Tensors[]): Promise<Whole | string> {
  try {
    const session = await open(path, level)
    const taken: Tensors[] = []
    const answers: Tensors[] = []
    let refusal = 'no inputs can be made up'
    for (const feed of inputs) {
      try {
        const answer = await session.run(feed)
        if (difference(answer, await session.run(feed)).elements > 0) return 'answers differ from run to run'
        taken.push(feed)
        answers.push(answer)
      } catch (error) {
        refusal = `cannot be run: ${text(error)}`
      }
    }
    await session.release()
    return taken.length > 0 ? { inputs: taken, answers } : refusal
  } catch (error) {
    return `cannot be run: ${text(error)}`
  }
}

async function compareCut(model: Model, cut: LayerCut, level: Level, whole: Whole): Promise<Difference | string> {
  try {
    const answers = await runParts(await cutInTwo(model, cut), level, whole.inputs)
    let worst = same
    for (const [index, answer] of answers.entries()) {
      worst = worse(worst, difference(whole.answers[index] ?? {}, answer))
    }
    return worst
  } catch (error) {
    return text(error)
  }
}

function text(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').slice(0, 200)
}
