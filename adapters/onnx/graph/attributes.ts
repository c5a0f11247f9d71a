import type { NodeProto } from './generated/onnx_pb.ts'

/** An integer attribute of a node, or `otherwise` where it is not set. */
export function integer(node: NodeProto, name: string, otherwise: number): number {
  const attribute = node.attribute.find((one) => one.name === name)
  return attribute ? Number(attribute.i) : otherwise
}

/** A list-of-integers attribute of a node, or undefined where it is not set. */
export function integers(node: NodeProto, name: string): readonly number[] | undefined {
  return node.attribute.find((one) => one.name === name)?.ints.map(Number)
}
