import { BadConfiguration } from '../../../pipeline/index.ts'
import type { TensorInfo } from './tensors.ts'
import type { Wiring } from './wiring.ts'

/** A recurrent model's explicit state: what the output holds after a step is the input of the next step. */
export interface State {
  readonly input: TensorInfo
  readonly output: TensorInfo
}

/** An input that may be a state, and the outputs that could be what follows it. */
export interface AmbiguousState {
  readonly input: string
  readonly outputs: readonly string[]
}

/** The states of a model, and what looks like one without showing which. */
export interface FoundStates {
  readonly states: readonly State[]
  readonly ambiguous: readonly AmbiguousState[]
}

/**
 * Pairs a model's state inputs with its state outputs: as `stated` (input name → output name). Otherwise by two signs,
 * where type and shape allow it: names that differ in the words for before and after alone (`h0` → `hn`, `state` →
 * `stateN`, `cache_in` → `cache_out`, `past_key_values.0.key` → `present.0.key`), and the recurrent operators (LSTM,
 * GRU, RNN) whose initial state the input is and whose last state the output is. Of several outputs none is guessed, and
 * a model whose inputs would all be states, or all its outputs, has none.
 * @throws BadConfiguration where a stated name does not exist or the two differ in type or shape.
 */
export function pairStates(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  wiring: Wiring,
  stated: Readonly<Record<string, string>> | undefined,
): FoundStates {
  if (stated) return { states: asStated(inputs, outputs, stated), ambiguous: [] }
  const signs = recurrences(inputs, outputs, wiring)
  const bySign = inputs.map((input) => {
    const fitting = outputs.filter((output) => mayFollow(input, output))
    // The surest sign first: the same words, the same but for `0` and `n` at their end, the same recurrent operators.
    const signsOf = [
      ({ name }: TensorInfo) => isNamedAfter(input.name, name, 'whole'),
      ({ name }: TensorInfo) => isNamedAfter(input.name, name, 'bare'),
      ({ name }: TensorInfo) => signs(input.name, name),
    ]
    return { input, found: signsOf.map((sign) => fitting.filter(sign)).find((found) => found.length > 0) ?? [] }
  })
  const claims = new Map<string, number>()
  for (const { found } of bySign) for (const { name } of found) claims.set(name, (claims.get(name) ?? 0) + 1)
  const states: State[] = []
  const ambiguous: AmbiguousState[] = []
  for (const { input, found } of bySign) {
    const [output] = found
    if (output && found.length === 1 && claims.get(output.name) === 1) states.push(pair(input, output))
    else if (output) ambiguous.push({ input: input.name, outputs: found.map(({ name }) => name) })
  }
  // A picture goes in and a picture comes out: nothing would be left to compute on, or to answer.
  const isWhole = states.length === inputs.length || states.length === outputs.length
  if (isWhole) return { states: [], ambiguous: [] }
  return { states, ambiguous: [...ambiguous, ...lookingAlike(inputs, outputs, states, ambiguous)] }
}

/** Inputs of which only type and shape say that they may be states. */
function lookingAlike(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  states: readonly State[],
  known: readonly AmbiguousState[],
): AmbiguousState[] {
  const taken = new Set([...states.flatMap(({ input, output }) => [input.name, output.name])])
  for (const { input } of known) taken.add(input)
  const left = inputs.filter(({ name }) => !taken.has(name))
  const ends = outputs.filter(({ name }) => !taken.has(name))
  const found = left.flatMap((input) => {
    if (!input.shape || input.shape.length < 2) return []
    const alike = ends.filter(({ type, shape }) => type === input.type && String(shape) === String(input.shape))
    return alike.length > 0 ? [{ input: input.name, outputs: alike.map(({ name }) => name) }] : []
  })
  const involved = new Set(found.flatMap((one) => one.outputs))
  return found.length === left.length || involved.size === ends.length ? [] : found
}

function asStated(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  stated: Readonly<Record<string, string>>,
): State[] {
  const names = (tensors: readonly TensorInfo[]): string => tensors.map(({ name }) => name).join(', ')
  const before = new Map<string, string>()
  return Object.entries(stated).map(([from, to]) => {
    const input = inputs.find(({ name }) => name === from)
    const output = outputs.find(({ name }) => name === to)
    if (!input || !output || !mayFollow(input, output)) {
      throw new BadConfiguration(
        `The state "${from}" → "${to}" is not an input and an output of one type and shape. The model has inputs ${names(inputs)} and outputs ${names(outputs)}.`,
      )
    }
    const other = before.get(to)
    if (other !== undefined) {
      throw new BadConfiguration(
        `The states "${other}" and "${from}" cannot both follow from "${to}". State one of them.`,
      )
    }
    before.set(to, from)
    return pair(input, output)
  })
}

/** What follows a state has its shape, whether or not the file says so. */
function pair(input: TensorInfo, output: TensorInfo): State {
  return { input, output: output.shape ? output : { ...output, shape: input.shape, bytes: input.bytes } }
}

/** Equal in type and, but for one side that may grow from step to step (a cache), in shape; or not known yet. */
function mayFollow(input: TensorInfo, output: TensorInfo): boolean {
  if (input.type !== output.type && output.type !== 'unknown') return false
  if (!input.shape || !output.shape) return true
  if (input.shape.length !== output.shape.length) return false
  const unlike = input.shape.flatMap((side, axis) => (side === output.shape?.[axis] ? [] : [axis]))
  const [axis] = unlike
  if (axis === undefined) return true
  const grows = (output.shape[axis] ?? 0) > (input.shape[axis] ?? 0)
  return unlike.length === 1 && grows && /past|cache/i.test(input.name)
}

const before = new Set(['in', 'input', 'prev', 'previous', 'old', 'past', 'init', 'initial', 'last', 'i'])
const after = new Set(['out', 'output', 'next', 'new', 'present', 'n', 'cur', 'current', 'updated', 'final', 'o'])

function isNamedAfter(input: string, output: string, how: 'whole' | 'bare'): boolean {
  const from = stems(input.replace(/^past_key_values/, 'past'), before, /0$/)
  const to = stems(output.replace(/^present_key_values/, 'present'), after, /[nN]$/)
  if (how === 'whole') return from[0] !== '' && from[0] === to[0]
  return from.some((stem) => stem !== '' && to.includes(stem))
}

/** A name without the words that say whether it is before or after a step: as it is, and without a sign at its end. */
function stems(name: string, words: ReadonlySet<string>, sign: RegExp): string[] {
  const parts = name
    .replace(/([a-z])([A-Z][a-z])/g, '$1_$2')
    .replace(/\b(in|out|input|output)(?=\d)/g, '$1_')
    .split(/[^A-Za-z0-9]+/)
    .filter((part) => part !== '')
  const rest = parts.filter((part) => !words.has(part.toLowerCase()))
  const join = (some: readonly string[]): string => some.join('.').toLowerCase()
  const last = rest.at(-1) ?? ''
  const bare = sign.test(last) && last.length > 1 ? [join([...rest.slice(0, -1), last.slice(0, -1)])] : []
  return [join(rest), ...bare]
}

// What only lays a state out anew: it is the same state behind.
const passes: ReadonlySet<string> = new Set([
  'Cast',
  'Concat',
  'Expand',
  'Flatten',
  'Gather',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
])
const recurrent: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN'])

/** Whether an input is the initial state of just those recurrent operators whose last state the output is. */
function recurrences(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  wiring: Wiring,
): (input: string, output: string) => boolean {
  if (!wiring.nodes.some(({ opType }) => recurrent.has(opType))) return () => false
  const fed = new Map(inputs.map(({ name }) => [name, places(forward(name, wiring))]))
  const given = new Map(outputs.map(({ name }) => [name, places(backward(name, wiring))]))
  return (input, output) => {
    const from = fed.get(input)
    return from !== undefined && from !== '' && from === given.get(output)
  }
}

function places(found: readonly string[]): string {
  return [...new Set(found)].sort().join()
}

/** The operators that take a tensor as their initial state, with h or c. */
function forward(from: string, wiring: Wiring): string[] {
  const found: string[] = []
  const seen = new Set([from])
  for (const name of seen) {
    for (const index of wiring.readers.get(name) ?? []) {
      const node = wiring.nodes[index]
      if (!node) continue
      if (recurrent.has(node.opType)) {
        if (node.input[5] === name) found.push(`${index}h`)
        if (node.input[6] === name) found.push(`${index}c`)
      } else if (passes.has(node.opType) && (node.input[0] === name || node.opType === 'Concat')) {
        for (const next of node.output) seen.add(next)
      }
    }
  }
  return found
}

/** The operators whose last state a tensor is, with h or c. */
function backward(from: string, wiring: Wiring): string[] {
  const found: string[] = []
  const seen = new Set([from])
  for (const name of seen) {
    const index = wiring.maker.get(name)
    const node = index === undefined ? undefined : wiring.nodes[index]
    if (!node) continue
    if (recurrent.has(node.opType)) {
      if (node.output[1] === name) found.push(`${index}h`)
      if (node.output[2] === name) found.push(`${index}c`)
    } else if (passes.has(node.opType)) {
      for (const before of node.opType === 'Concat' ? node.input : node.input.slice(0, 1)) seen.add(before)
    }
  }
  return found
}
