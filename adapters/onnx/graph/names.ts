import { create, toBinary } from '@bufbuild/protobuf'
import { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema } from './generated/onnx_pb.ts'
import type { Model } from './model.ts'
import { withGraph } from './shapes.ts'

/**
 * A copy of a model whose nameless nodes are called after what they make, for tools that report by name.
 * @returns undefined where all have names already, or where the weights lie in files that a copy would lose
 */
export function withNodeNames(model: Model): Uint8Array | undefined {
  const { proto, graph, externalBytes } = model.file
  if (externalBytes > 0 || graph.node.every(({ name }) => name !== '')) return undefined
  const node = graph.node.map((one) =>
    Object.assign(create(NodeProtoSchema), one, { name: one.name || (one.output[0] ?? '') }),
  )
  return toBinary(ModelProtoSchema, withGraph(proto, Object.assign(create(GraphProtoSchema), graph, { node })))
}
