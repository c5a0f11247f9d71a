import { ExecutionFailed, type ResultPayload, type Tensor, WrongShape } from '../../pipeline/index.ts'
import type { CatalogueEntry } from '../manage/index.ts'

/** Labels reported besides the best. */
const reported = 5

/** What rounding may add to a probability. */
const slack = 1e-3

/**
 * Reads a classifier's output: softmax where it gives logits, then the best labels, best first.
 * @throws ExecutionFailed the output is missing, a value is NaN or infinite, or no probability where it is to be one ·
 *   WrongShape its values are not one for each label
 */
export function classify(entry: CatalogueEntry, outputs: readonly Tensor[]): ResultPayload {
  const { id, labels, labelOffset, output: described } = entry
  const output = outputs.find((tensor) => tensor.name === described.name)
  if (!output) {
    const names = outputs.map((tensor) => tensor.name).join(', ')
    throw new ExecutionFailed(
      `Model "${id}" gave no output "${described.name}" (it has: ${names}). Correct its catalogue entry.`,
    )
  }
  const classes = labels.length + labelOffset
  const isRow = output.shape.filter((side) => side > 1).length <= 1
  if (output.type !== 'float32' || !isRow || output.bytes.byteLength !== 4 * classes) {
    throw new WrongShape(
      `Output "${output.name}" of "${id}" is ${output.type} [${output.shape.join(', ')}], and its catalogue entry has ${labels.length} labels from index ${labelOffset}: that takes one row of ${classes} float32. Correct labels, labelOffset or output.name there.`,
    )
  }
  const values = new Float32Array(output.bytes.buffer, output.bytes.byteOffset, classes)
  const isLogits = described.kind === 'logits'
  const off = values.findIndex((value) => (isLogits ? !(value < Infinity) : !(value >= -slack && value <= 1 + slack)))
  if (off >= 0) throw notAnAnswer(entry, off, values[off] as number)
  const scores = isLogits ? softmax(values) : values.map((value) => Math.min(1, Math.max(0, value)))
  const top = best(scores, labelOffset, labels.length).map((index) => ({
    label: labels[index - labelOffset] as string,
    score: scores[index] as number,
  }))
  const [first] = top
  // Logits of −∞ stand for classes that are ruled out; not all can be.
  if (!first || Number.isNaN(first.score)) throw notAnAnswer(entry, labelOffset, values[labelOffset] as number)
  return { form: 'result', at: 'answered', model: id, label: first.label, score: first.score, top }
}

function notAnAnswer(
  { id, labels, labelOffset, output }: CatalogueEntry,
  index: number,
  value: number,
): ExecutionFailed {
  const label = index < labelOffset ? `index ${index}` : `"${labels[index - labelOffset]}"`
  const why = Number.isFinite(value)
    ? `which is no probability. If it gives logits, say so in its catalogue entry (output.kind)`
    : `so it has no answer for this picture. Look at the picture, and at the model's weights`
  return new ExecutionFailed(`Model "${id}" gave ${value} for ${label} in "${output.name}", ${why}.`)
}

function softmax(logits: Float32Array): Float32Array {
  let max = Number.NEGATIVE_INFINITY
  for (const value of logits) if (value > max) max = value
  const scores = logits.map((value) => Math.exp(value - max))
  let sum = 0
  for (const value of scores) sum += value
  return scores.map((value) => value / sum)
}

/** Indices of the largest values, largest first. */
function best(values: Float32Array, from: number, count: number): number[] {
  const found: number[] = []
  for (let index = from; index < from + count; index++) {
    const value = values[index] as number
    let place = found.length
    while (place > 0 && (values[found[place - 1] as number] as number) < value) place--
    if (place < reported) {
      found.splice(place, 0, index)
      if (found.length > reported) found.pop()
    }
  }
  return found
}
