import type { ModelSource } from '../../stages/execute/index.ts'
import { Fault } from './fault.ts'
import { type InferenceSession, Tensor as RuntimeTensor } from './runtime.ts'

type Metadata = InferenceSession.ValueMetadata
type Outputs = Readonly<Record<string, RuntimeTensor>>
type Numbers = Float32Array | Float64Array | Uint16Array | Uint8Array | Int8Array | Int32Array | BigInt64Array

/** Beyond so many values an input is not made up. */
const most = 2 ** 26

/** Up to here two answers are the same: what the last bits of float32 come to, as a share of the largest value. */
const same = 2 ** -20
/** Up to here they may differ because a kernel for two rows rounds otherwise than one for one; more is influence. */
const close = 1e-2

/**
 * Looks whether a model is what its catalogue entry says, by what the runtime says of it.
 * @throws Fault `model-load-failed` that names the entry's field
 */
export function checkExpected({ name, expects }: ModelSource, session: InferenceSession): void {
  if (expects === undefined) return
  const refuse = (fault: string): never => {
    throw new Fault('model-load-failed', `Model "${name}" is not what its catalogue entry says: ${fault}`)
  }
  const { input, output } = expects
  const takes = session.inputMetadata.find((each) => each.name === input.name)
  const others = session.inputNames.filter((each) => each !== input.name)
  if (takes === undefined) return refuse(`it has no input "${input.name}". It takes ${list(session.inputMetadata)}.`)
  if (others.length > 0) refuse(`it has more inputs than "${input.name}", which nobody fills: ${others.join(', ')}.`)
  if (!takes.isTensor || takes.type !== input.type || !agrees(takes.shape, input.shape)) {
    refuse(
      `it takes ${list([takes])}, and is to be given ${input.type} [${input.shape}]. Correct width, height, layout or type of "input".`,
    )
  }
  const gives = session.outputMetadata.find((each) => each.name === output.name)
  if (gives === undefined) return refuse(`it has no output "${output.name}". It gives ${list(session.outputMetadata)}.`)
  const shape = gives.isTensor ? gives.shape : []
  const long = shape.filter((axis) => typeof axis === 'number' && axis > 1)
  const known = shape.every((axis) => typeof axis === 'number')
  const wrong = long.length > 1 || long.some((axis) => axis !== output.classes) || (known && long.length === 0)
  if (!gives.isTensor || gives.type !== 'float32' || wrong) refuse(notItsLabels(list([gives]), output.classes))
}

function notItsLabels(gives: string, classes: number): string {
  return `it gives ${gives}, and there are ${classes} values to be read, one for each label (and before the first, labelOffset). Correct labels, labelOffset or output.name; a model that gives rows of values, such as a detector, is no classifier.`
}

/**
 * Runs a model on made-up pictures: whether it answers as its catalogue entry says, and whether rows that are run
 * together have the answers that they have alone. Two rows are run together and each by itself. Where that gives other bits,
 * which a kernel for two rows may round, the row beside is exchanged: in the same kernel nothing may then change.
 *
 * Inputs are seeded noise, in the range that the entry says (−1…1 without); the rows are darker and brighter ones, so
 * that means over them differ. What cannot be tried (sizes that nobody states, a run that fails) is not batched.
 *
 * @param batching whether the second is to be found out
 * @returns whether several runs can be made as one
 * @throws Fault `model-load-failed` where the answer is not what the catalogue entry says
 */
export async function tryOut(model: ModelSource, session: InferenceSession, batching: boolean): Promise<boolean> {
  const able = batching && model.batch !== false && hasRows(session)
  if (!able && model.expects === undefined) return false
  const run = async (...rows: readonly Row[]): Promise<Outputs | undefined> => {
    const feeds = made(model, session, rows)
    return feeds && ((await session.run(feeds).catch(() => undefined)) as Outputs | undefined)
  }
  const alone = await run(middle)
  if (alone === undefined) return false
  const again = async () => run(dark)
  await checkAnswer(model, alone, again)
  if (!able) return false

  const [together, other] = [await run(middle, dark), await again()]
  if (!together || !other) return false
  // What answers the same to everything shows no influence, and would hide it.
  if (difference(alone, 0, other, 0) === 0) return false
  const apart = Math.max(difference(together, 0, alone, 0), difference(together, 1, other, 0))
  if (apart <= same) return true
  if (!(apart <= close)) return false
  const [first, second] = [await run(middle, bright), await run(bright, dark)]
  if (!first || !second) return false
  return Math.max(difference(together, 0, first, 0), difference(together, 1, second, 1)) <= same
}

/** A row of made-up values: where its noise begins, and which part of the range it is in. */
interface Row {
  readonly seed: number
  readonly from: number
  readonly to: number
}
const middle: Row = { seed: 1, from: 0, to: 1 }
const dark: Row = { seed: 2, from: 0, to: 0.4 }
const bright: Row = { seed: 3, from: 0.6, to: 1 }

/** @throws Fault */
async function checkAnswer(
  { name, expects }: ModelSource,
  outputs: Outputs,
  again: () => Promise<Outputs | undefined>,
): Promise<void> {
  const output = expects && outputs[expects.output.name]
  if (!expects || !output) return
  const refuse = (fault: string): never => {
    throw new Fault('model-load-failed', `Model "${name}" is not what its catalogue entry says: ${fault}`)
  }
  const { classes, kind } = expects.output
  if (output.dims.filter((side) => side > 1).length > 1 || output.size !== classes) {
    refuse(notItsLabels(`"${expects.output.name}" ${output.type} [${output.dims}]`, classes))
  }
  const values = output.data as Float32Array
  if (kind === 'probabilities') {
    const off = values.find((value) => value < -chanceSlack || value > 1 + chanceSlack)
    if (off !== undefined) {
      refuse(
        `it gives ${off}, and "probabilities" are from 0 to 1. Say output.kind: 'logits', if that is what it gives.`,
      )
    }
  } else if (isDistribution(values)) {
    // Logits may sum up to 1 by chance, but not twice.
    const second = (await again())?.[expects.output.name]
    if (second && isDistribution(second.data as Float32Array)) {
      refuse(
        `it gives probabilities, and "logits" would be turned into probabilities once more. Say output.kind: 'probabilities'.`,
      )
    }
  }
}

/** What rounding may add to a probability. */
const chanceSlack = 1e-3

function isDistribution(values: Float32Array): boolean {
  let sum = 0
  for (const value of values) {
    if (!(value >= 0 && value <= 1)) return false
    sum += value
  }
  return Math.abs(sum - 1) < 1e-4
}

/** Whether the first axis of all inputs and outputs is one that takes any size, and the same one. */
function hasRows({ inputMetadata, outputMetadata }: InferenceSession): boolean {
  const first = [...inputMetadata, ...outputMetadata].map((value) => (value.isTensor ? value.shape[0] : undefined))
  // A named axis has the same size wherever the name stands; two that have no name need not.
  return first.length > 1 && typeof first[0] === 'string' && first[0] !== '' && first.every((axis) => axis === first[0])
}

/** Inputs of these rows; undefined where a size or a type is none that can be made up. */
function made(
  { expects }: ModelSource,
  { inputMetadata }: InferenceSession,
  rows: readonly Row[],
): Record<string, RuntimeTensor> | undefined {
  const feeds: Record<string, RuntimeTensor> = Object.create(null)
  for (const input of inputMetadata) {
    const stated = expects?.input.name === input.name ? expects.input : undefined
    if (!input.isTensor) return undefined
    const shape = input.shape.map((axis, at) => {
      if (typeof axis === 'number' && axis >= 0) return axis
      return at === 0 ? rows.length : stated?.shape[at]
    })
    const count = shape.reduce<number>((product, side) => product * (side ?? Number.NaN), 1)
    if (!(count > 0 && count <= most)) return undefined
    const data = values(input.type, count, rows, stated?.range ?? [-1, 1])
    if (data === undefined) return undefined
    feeds[input.name] = new RuntimeTensor(input.type as 'float32', data as Float32Array, shape as number[])
  }
  return feeds
}

function values(
  type: string,
  count: number,
  rows: readonly Row[],
  [low, high]: readonly [number, number],
): Numbers | undefined {
  const fill = <T extends Numbers>(into: T, value: (share: number) => T[number]): T => {
    const row = count / rows.length
    rows.forEach(({ seed, from, to }, index) => {
      let state = seed
      for (let at = index * row; at < (index + 1) * row; at++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        into[at] = value(from + (to - from) * (state / 2 ** 32))
      }
    })
    return into
  }
  switch (type) {
    case 'float32':
      return fill(new Float32Array(count), (share) => low + (high - low) * share)
    case 'float64':
      return fill(new Float64Array(count), (share) => low + (high - low) * share)
    case 'float16':
      // From 1 to 2: the bits of the mantissa count up evenly there.
      return fill(new Uint16Array(count), (share) => 0x3c00 + Math.floor(1023 * share))
    case 'uint8':
      return fill(new Uint8Array(count), (share) => Math.floor(256 * share))
    case 'int8':
      return fill(new Int8Array(count), (share) => Math.floor(256 * share) - 128)
    // Indices and lengths: small ones are in the range of most.
    case 'int32':
      return fill(new Int32Array(count), (share) => Math.floor(2 * share))
    case 'int64':
      return fill(new BigInt64Array(count), (share) => BigInt(Math.floor(2 * share)))
    case 'bool':
      return fill(new Uint8Array(count), (share) => Math.floor(2 * share))
    default:
      return undefined
  }
}

/** The largest difference of two rows of the same outputs, as a share of the largest value; 1 where shapes do not agree. */
function difference(one: Outputs, row: number, other: Outputs, otherRow: number): number {
  let worst = 0
  for (const [name, tensor] of Object.entries(one)) {
    const [mine, theirs] = [rowOf(tensor, row), rowOf(other[name], otherRow)]
    if (mine === undefined || theirs === undefined || mine.length !== theirs.length) return 1
    let largest = 0
    let apart = 0
    for (let at = 0; at < mine.length; at++) {
      const [x, y] = [Number(mine[at]), Number(theirs[at])]
      // NaN is no answer that could be compared.
      if (Number.isNaN(x) || Number.isNaN(y)) return 1
      if (x === y) continue
      largest = Math.max(largest, Math.abs(x), Math.abs(y))
      apart = Math.max(apart, Math.abs(x - y))
    }
    if (apart > 0) worst = Math.max(worst, tensor.type.startsWith('float') ? apart / spread(mine, largest) : 1)
  }
  return worst
}

function spread(values: Numbers, least: number): number {
  let largest = least
  for (const value of values) largest = Math.max(largest, Math.abs(Number(value)))
  return largest
}

function rowOf(tensor: RuntimeTensor | undefined, row: number): Numbers | undefined {
  const rows = tensor?.dims[0]
  if (tensor === undefined || rows === undefined || row >= rows) return undefined
  const data = tensor.data as Numbers
  const size = data.length / rows
  return data.subarray(row * size, (row + 1) * size) as Numbers
}

/** Whether a shape can be a model's, whose named axes take any size. */
function agrees(shape: readonly (number | string)[], wanted: readonly number[]): boolean {
  return (
    shape.length === wanted.length &&
    shape.every((axis, at) => typeof axis === 'string' || axis < 0 || axis === wanted[at])
  )
}

/** `"input" float32 [n,3,224,224]`. */
function list(values: readonly Metadata[]): string {
  const each = (value: Metadata): string =>
    value.isTensor
      ? `"${value.name}" ${value.type} [${value.shape.map((side) => (side === '' ? '?' : side))}]`
      : `"${value.name}" (not a tensor)`
  return values.map(each).join(', ')
}
