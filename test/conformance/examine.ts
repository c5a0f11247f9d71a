import { asQuintetError } from '../../pipeline/index.ts'
import { because, cutInTwo, examineCuts, here, type LayerCut, type Model, readModel } from '../../adapters/onnx/graph/index.ts'
import { seededInputs } from '../../adapters/onnx/graph/feeds.ts'
import { type Difference, difference, type Level, open, runParts, type Tensors } from './compare.ts'

/** One model to examine. */
export interface Subject {
  readonly name: string
  readonly path: string
  /** Which set it belongs to. */
  readonly set: string
  /** Folders of its own inputs, in the format of the ONNX project's tests. */
  readonly inputs?: readonly string[]
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
  readonly reasons?: readonly string[]
  /** At `all` alone: cuts that are not bit for bit, and the largest distance as a share of the largest answer. */
  readonly roundedAtAll: number
  readonly farthestAtAll: number
}

// At `all` the runtime lays out memory by what a graph holds, so that sums are taken in another order.
const roundedAtAll = 1e-6

/** Tries every cut of a model on its own inputs and on seeded ones, at both levels. */
export async function examine(subject: Subject, own: (model: Model) => Promise<Tensors[]>): Promise<Report> {
  const nothing = { name: subject.name, set: subject.set, layers: 0, cuts: 0, off: [], refused: {}, roundedAtAll: 0, farthestAtAll: 0 }
  let model: Model
  try {
    model = await readModel(subject.path)
  } catch (error) {
    return { ...nothing, unfit: `cannot be read: ${asQuintetError(error, 'read').message}` }
  }
  const { exact: offered, refused } = await examineCuts(model, { runtime: here })
  const counts: Record<string, number> = {}
  for (const { refusal } of refused) counts[refusal.why] = (counts[refusal.why] ?? 0) + 1
  const report = { ...nothing, layers: model.layers.length, cuts: offered.length, refused: counts, reasons: refused.map((one) => `${one.name}: ${because(one.refusal)}`) }
  if (offered.length === 0) return { ...report, unfit: 'has no cut' }
  const inputs = await own(model)
  for (const seed of [101, 102, 103]) {
    const made = seededInputs(model, seed)
    if (made) inputs.push(made)
  }
  const off: Off[] = [];
  for (const level of ['extended', 'all'] as const) {
    const whole = await answersOf(subject.path, level, inputs)
    if (typeof whole === 'string') return { ...report, cuts: 0, unfit: whole }
    for (const cut of offered) {
      const found = await compareCut(model, cut, level, whole)
      if (typeof found === 'string') off.push({ cut: cut.name, level, reason: found })
      else if (level === 'all' && found.elements > 0 && found.share <= roundedAtAll) {
        report.roundedAtAll++
        report.farthestAtAll = Math.max(report.farthestAtAll, found.share)
      } else if (found.elements > 0) {
        off.push({ cut: cut.name, level, reason: `${found.elements} numbers differ, by up to ${found.share.toExponential(1)}` })
      }
    }
  }
  return { ...report, off }
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
    let worst: Difference = { elements: 0, share: 0 }
    for (const [index, answer] of answers.entries()) {
      const one = difference(whole.answers[index] ?? {}, answer)
      worst = { elements: worst.elements + one.elements, share: Math.max(worst.share, one.share) }
    }
    return worst
  } catch (error) {
    return text(error)
  }
}

function text(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').slice(0, 200)
}
