import { writeFile } from 'node:fs/promises'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../../../../adapters/onnx/graph/generated/onnx_pb.ts'
import { type Model, readModel } from '../../../../adapters/onnx/graph/index.ts'
import { withGraph } from '../../../../adapters/onnx/graph/shapes.ts'
import { noise } from './random.ts'

/**
 * Writes a copy of an architecture whose weights are all constant, with seeded random ones: as it is, every input
 * has the same answer, and equality would prove nothing.
 */
export async function seeded(from: string, to: string): Promise<Model> {
  const model = await readModel(from)
  const { graph, proto } = model.file
  const block = noise(1_000_003, 42)
  // Sums of branches grow from block to block, where plain chains stay as they are.
  const gain = graph.node.some(({ opType }) => opType === 'BatchNormalization') ? 2 : 6
  const weights: TensorProto[] = []
  const replace = (name: string, dims: readonly number[]): void => {
    weights.push(weightsFor(name, dims, block, gain))
  }
  const nodes = graph.node.filter((node) => {
    const name = node.output[0]
    const shape = name === undefined ? undefined : model.shapes.tensors.get(name)?.shape
    if (node.opType !== 'ConstantOfShape' || !shape || name === undefined) return true
    replace(name, shape)
    return false
  })
  const kept = graph.initializer.filter((tensor) => {
    if (tensor.dataType !== 1 || tensor.dims.length === 0) return true
    replace(tensor.name, tensor.dims.map(Number))
    return false
  })
  const seededGraph = Object.assign(create(GraphProtoSchema), graph, {
    node: nodes,
    initializer: [...kept, ...weights],
    input: graph.input.filter(({ name }) => model.inputs.some((input) => input.name === name)),
  })
  // From version 4 on weights need not be inputs as well, and those that are can be overridden: no constants.
  const seededModel = Object.assign(withGraph(proto, seededGraph), { irVersion: 4n })
  await writeFile(to, toBinary(ModelProtoSchema, seededModel))
  return readModel(to)
}

// Spread such that activations neither die out nor grow from layer to layer; what scales or divides stays near 1.
function weightsFor(name: string, dims: readonly number[], block: Float32Array, gain: number): TensorProto {
  const count = dims.reduce((product, side) => product * side, 1)
  const inner = dims.slice(1).reduce((product, side) => product * side, 1)
  const flat = dims.length === 1
  const spread = flat ? 0.25 : Math.sqrt(gain / inner)
  const centre = flat && !/(_b_0|bias|mean|_rm)/.test(name) ? 1 : 0
  const values = new Float32Array(count)
  let start = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % block.length, 7)
  for (let at = 0; at < count; at++) {
    values[at] = centre + spread * (block[start] ?? 0)
    start = start + 1 === block.length ? 0 : start + 1
  }
  return create(TensorProtoSchema, {
    name,
    dataType: 1,
    dims: dims.map(BigInt),
    rawData: new Uint8Array(values.buffer),
  })
}
