import { integer } from './attributes.ts'
import type { NodeProto } from './generated/onnx_pb.ts'
import { elements } from './tensors.ts'

type Shape = readonly number[] | undefined

/**
 * Multiply-accumulates of one run of a node, from the shapes of its inputs (by position) and its first output.
 * Counted for what multiplies matrices (convolutions, products, recurrences); 0 for every other kind, and where a
 * shape is not known.
 */
export function macsOf(node: NodeProto, inputs: readonly Shape[], output: Shape): number {
  switch (node.opType) {
    case 'Conv':
    case 'ConvInteger':
    case 'FusedConv':
      return convolution(inputs[1], output)
    case 'QLinearConv':
      return convolution(inputs[3], output)
    case 'ConvTranspose':
      return transposed(inputs[0], inputs[1])
    case 'Gemm':
      return product(output, inputs[0]?.at(integer(node, 'transA', 0) === 0 ? 1 : 0))
    case 'MatMul':
    case 'MatMulInteger':
    case 'QLinearMatMul':
      return product(output, inputs[0]?.at(-1))
    case 'LSTM':
      return recurrence(inputs)
    case 'GRU':
    case 'RNN':
      return recurrence(inputs)
    default:
      return 0
  }
}

// Weights [filters, channels / groups, …kernel]: every output element takes one filter's worth of products.
function convolution(weights: Shape, output: Shape): number {
  if (!weights?.[0] || !output) return 0
  return (elements(output) * elements(weights)) / weights[0]
}

// Weights [channels, filters / groups, …kernel]: every input element is spread over one channel's worth.
function transposed(input: Shape, weights: Shape): number {
  if (!weights?.[0] || !input) return 0
  return (elements(input) * elements(weights)) / weights[0]
}

function product(output: Shape, inner: number | undefined): number {
  return output && inner !== undefined ? elements(output) * inner : 0
}

// X [steps, batch, inputs], W [directions, gates × hidden, inputs], R [directions, gates × hidden, hidden].
function recurrence([input, weights, recurrent]: readonly Shape[]): number {
  if (!input || !weights || !recurrent) return 0
  return (input[0] ?? 0) * (input[1] ?? 0) * (elements(weights) + elements(recurrent))
}
