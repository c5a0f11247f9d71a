import { ExecutionFailed, type ResultPayload, type Tensor, WrongShape } from '../../pipeline/index.ts'
import type { CatalogueEntry } from '../manage/index.ts'

/** Labels reported besides the best. */
const reported = 5

/**
 * Reads a classifier's output: softmax where it gives logits, then the best labels, best first.
 * @throws ExecutionFailed the output is missing · WrongShape it has fewer values than labels
 */
export function classify(entry: CatalogueEntry, outputs: readonly Tensor[]): ResultPayload {
  const output = outputs.find((tensor) => tensor.name === entry.output.name)
  if (!output) {
    const names = outputs.map((tensor) => tensor.name).join(', ')
    throw new ExecutionFailed(
      `Model "${entry.id}" gave no output "${entry.output.name}" (it has: ${names}). Correct its catalogue entry.`,
    )
  }
  if (output.type !== 'float32' || output.bytes.byteLength < 4 * (entry.labels.length + entry.labelOffset)) {
    throw new WrongShape(
      `Output "${output.name}" of "${entry.id}" is ${output.type} [${output.shape.join(', ')}], which does not hold ${entry.labels.length} labels from index ${entry.labelOffset}. Correct its catalogue entry.`,
    )
  }
  const values = new Float32Array(output.bytes.buffer, output.bytes.byteOffset, output.bytes.byteLength / 4)
  const scores = entry.output.kind === 'logits' ? softmax(values) : values
  const top = best(scores, entry.labelOffset, entry.labels.length).map((index) => ({
    label: entry.labels[index - entry.labelOffset] as string,
    score: scores[index] as number,
  }))
  const [first] = top
  if (!first)
    throw new ExecutionFailed(`Model "${entry.id}" gave nothing but NaN. Its weights or its input are damaged.`)
  return { form: 'result', at: 'answered', model: entry.id, label: first.label, score: first.score, top }
}

function softmax(logits: Float32Array): Float32Array {
  let max = Number.NEGATIVE_INFINITY
  for (const value of logits) if (value > max) max = value
  const scores = logits.map((value) => Math.exp(value - max))
  let sum = 0
  for (const value of scores) sum += value
  return scores.map((value) => value / sum)
}

/** Indices of the largest values, largest first; NaN is never among them. */
function best(values: Float32Array, from: number, count: number): number[] {
  const found: number[] = []
  for (let index = from; index < from + count; index++) {
    const value = values[index] as number
    if (Number.isNaN(value)) continue
    let place = found.length
    while (place > 0 && (values[found[place - 1] as number] as number) < value) place--
    if (place < reported) {
      found.splice(place, 0, index)
      if (found.length > reported) found.pop()
    }
  }
  return found
}
