import { BadConfiguration } from '../../../pipeline/index.ts'
import type { TensorInfo } from './tensors.ts'

/** A recurrent model's explicit state: what the output holds after a step is the input of the next step. */
export interface State {
  readonly input: TensorInfo
  readonly output: TensorInfo
}

const conventions: readonly ((input: string) => string)[] = [
  (name) => `${name}_out`,
  (name) => `${name}_next`,
  (name) => `next_${name}`,
  (name) => `new_${name}`,
  (name) => `${name}_n`,
  (name) => `${name}n`,
  (name) => `${name}N`,
]

/**
 * Pairs a model's state inputs with its state outputs: as `stated` (input name → output name), or by the usual names
 * (`h` → `h_out`, `h_next`, `next_h`, `new_h`, `h_n`, `hn`, `hN`; `h_in` → `h_out`) where type and shape agree.
 * @throws BadConfiguration where a stated name does not exist or the two differ in type or shape.
 */
export function pairStates(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  stated: Readonly<Record<string, string>> | undefined,
): State[] {
  const input = new Map(inputs.map((tensor) => [tensor.name, tensor]))
  const output = new Map(outputs.map((tensor) => [tensor.name, tensor]))
  if (stated) {
    return Object.entries(stated).map(([from, to]) => {
      const state = { input: input.get(from), output: output.get(to) }
      if (!state.input || !state.output || !alike(state.input, state.output)) {
        throw new BadConfiguration(
          `The state "${from}" → "${to}" is not an input and an output of one type and shape. The model has inputs ${[...input.keys()].join(', ')} and outputs ${[...output.keys()].join(', ')}.`,
        )
      }
      return { input: state.input, output: state.output }
    })
  }
  return inputs.flatMap((from) => {
    const base = from.name.replace(/_in$/, '')
    const names = [...conventions.map((rule) => rule(from.name)), ...(base === from.name ? [] : [`${base}_out`])]
    const to = names.map((name) => output.get(name)).find((one) => one !== undefined && alike(from, one))
    return to ? [{ input: from, output: to }] : []
  })
}

function alike(one: TensorInfo, other: TensorInfo): boolean {
  return one.type === other.type && String(one.shape) === String(other.shape)
}
