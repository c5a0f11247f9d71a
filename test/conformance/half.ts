import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type GraphProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
} from '../../adapters/onnx/graph/generated/onnx_pb.ts'
import { toHalves } from '../../stages/transfer/halves.ts'

/** A float32 model as its float16 twin: inputs, weights and answers, as converters to float16 write it. */
export function half(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes)
  if (model.graph) narrow(model.graph)
  return toBinary(ModelProtoSchema, model)
}

function narrow(graph: GraphProto): void {
  graph.initializer = graph.initializer.map((tensor) => (tensor.dataType === 1 ? narrowed(tensor) : tensor))
  for (const value of [...graph.input, ...graph.output]) declare(value)
  for (const node of graph.node) {
    for (const attribute of node.attribute) {
      if (attribute.g) narrow(attribute.g)
      if (node.opType === 'Cast' && attribute.name === 'to' && attribute.i === 1n) attribute.i = 10n
    }
  }
}

function declare(value: ValueInfoProto): void {
  if (value.type?.value.case === 'tensorType' && value.type.value.value.elemType === 1) {
    value.type.value.value.elemType = 10
  }
}

function narrowed(tensor: TensorProto): TensorProto {
  const floats = new Float32Array(tensor.rawData.slice().buffer)
  const rawData = new Uint8Array(toHalves(floats).buffer)
  return create(TensorProtoSchema, { name: tensor.name, dims: tensor.dims, dataType: 10, rawData })
}
