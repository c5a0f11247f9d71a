import type { Tensor } from '../../pipeline/index.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'
import type { ModelSource } from '../../stages/manage/index.ts'
import { onnx, writeModel } from '../support/onnx-builder.ts'
import { seeded } from '../support/small-models.ts'

/** A generated model, and an input that it takes. */
export interface GeneratedModel {
  readonly source: ModelSource
  readonly input: Tensor
}

/**
 * Real ONNX models of unlike sizes (one matrix, `smallest` to `largest` bytes, evenly spread in the logarithm) and unlike
 * load times for their size (0 to 100 further operators, which take no memory but time to build).
 */
export function generatedModels(folder: string, count: number, smallest: number, largest: number): GeneratedModel[] {
  const random = seededRandom(count)
  return Array.from({ length: count }, (_, index) => {
    const bytes = smallest * (largest / smallest) ** random()
    const side = Math.round(Math.sqrt(bytes / 4))
    const file = chain(side, Math.floor(100 * random()), index)
    return {
      source: writeModel(folder, `model-${index}`, file),
      input: { name: 'x', type: 'float32', shape: [1, side], bytes: new Uint8Array(new Float32Array(side).buffer) },
    }
  })
}

/** `x` `[1, side]` → one matrix → sine and cosine by turns → `y`. */
function chain(side: number, operators: number, seed: number): Uint8Array {
  const name = (index: number) => (index === operators ? 'y' : `x${index}`)
  return onnx({
    inputs: [{ name: 'x', shape: [1, side] }],
    outputs: [{ name: 'y', shape: [1, side] }],
    weights: [{ name: 'w', shape: [side, side], values: seeded(side * side, seed) }],
    nodes: [
      { type: 'MatMul', inputs: ['x', 'w'], outputs: [name(0)] },
      ...Array.from({ length: operators }, (_, index) => ({
        type: index % 2 === 0 ? 'Sin' : 'Cos',
        inputs: [name(index)],
        outputs: [name(index + 1)],
      })),
    ],
  })
}
