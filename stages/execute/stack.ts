import { ExecutionFailed, type Tensor } from '../../pipeline/index.ts'

/** Pictures that some inputs hold together; undefined where their first axes do not agree. */
export function rowsOf(inputs: readonly Tensor[]): number | undefined {
  const rows = inputs[0]?.shape[0]
  if (rows === undefined || rows < 1) return undefined
  return inputs.every(({ shape }) => shape[0] === rows) ? rows : undefined
}

/** Whether two runs' inputs differ in their first axis alone, and so can be one run's. */
export function stackable(one: readonly Tensor[], other: readonly Tensor[]): boolean {
  return (
    one.length === other.length &&
    one.every((tensor, index) => {
      const each = other[index] as Tensor
      return (
        tensor.name === each.name &&
        tensor.type === each.type &&
        tensor.shape.length === each.shape.length &&
        tensor.shape.every((side, axis) => axis === 0 || side === each.shape[axis])
      )
    })
  )
}

/** Several runs' inputs, one behind the other along the first axis, as the inputs of one run. */
export function stack(runs: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first = []] = runs
  return first.map((tensor, index) => {
    const parts = runs.map((run) => run[index] as Tensor)
    const rows = parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0)
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.bytes.byteLength, 0))
    let at = 0
    for (const part of parts) {
      bytes.set(part.bytes, at)
      at += part.bytes.byteLength
    }
    return { ...tensor, shape: [rows, ...tensor.shape.slice(1)], bytes }
  })
}

/**
 * One run's outputs as those of the runs whose inputs were stacked, each in memory of its own.
 *
 * @param rows how many each of them had
 * @throws ExecutionFailed an output has another first axis than the inputs
 */
export function unstack(outputs: readonly Tensor[], rows: readonly number[]): readonly (readonly Tensor[])[] {
  const all = rows.reduce((sum, count) => sum + count, 0)
  for (const { name, shape } of outputs) {
    if (shape[0] === all) continue
    throw new ExecutionFailed(`Output "${name}" of ${all} stacked inputs is [${shape.join(', ')}]. Turn batching off.`)
  }
  let from = 0
  return rows.map((count) => {
    const start = from
    from += count
    return outputs.map((output) => {
      const row = output.bytes.byteLength / all
      return {
        ...output,
        shape: [count, ...output.shape.slice(1)],
        bytes: output.bytes.slice(start * row, from * row),
      }
    })
  })
}
