import { integer } from './attributes.ts'
import type { NodeProto } from './generated/onnx_pb.ts'
import { elements } from './tensors.ts'

type Shape = readonly number[] | undefined

/**
 * Multiply-accumulates of one run of a node, from the shapes of its inputs (by position) and its first output.
 * Counted for what multiplies matrices (convolutions, products, recurrences), 0 for every other kind.
 * @returns undefined where a shape that decides is not known
 */
export function macsOf(node: NodeProto, inputs: readonly Shape[], output: Shape): number | undefined {
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
    case 'FusedGemm':
      return product(output, inputs[0]?.at(integer(node, 'transA', 0) === 0 ? 1 : 0))
    case 'MatMul':
    case 'MatMulInteger':
    case 'QLinearMatMul':
      return product(output, inputs[0]?.at(-1))
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return recurrence(inputs)
    case 'Einsum':
      return contraction(node, inputs)
    // Operators that multiply inside, in ways that are not counted here.
    case 'Attention':
    case 'DeformConv':
    case 'GroupQueryAttention':
    case 'MatMulNBits':
    case 'MultiHeadAttention':
    case 'QAttention':
      return undefined
    default:
      return 0
  }
}

// Weights [filters, channels / groups, …kernel]: every output element takes one filter's worth of products.
function convolution(weights: Shape, output: Shape): number | undefined {
  if (!weights?.[0] || !output) return undefined
  return (elements(output) * elements(weights)) / weights[0]
}

// Weights [channels, filters / groups, …kernel]: every input element is spread over one channel's worth.
function transposed(input: Shape, weights: Shape): number | undefined {
  if (!weights?.[0] || !input) return undefined
  return (elements(input) * elements(weights)) / weights[0]
}

function product(output: Shape, inner: number | undefined): number | undefined {
  return output && inner !== undefined ? elements(output) * inner : undefined
}

// X [steps, batch, inputs], W [directions, gates × hidden, inputs], R [directions, gates × hidden, hidden].
function recurrence([input, weights, recurrent]: readonly Shape[]): number | undefined {
  if (!input || !weights || !recurrent) return undefined
  return (input[0] ?? 0) * (input[1] ?? 0) * (elements(weights) + elements(recurrent))
}

// Every combination of the letters once, for each operand but one.
function contraction(node: NodeProto, inputs: readonly Shape[]): number | undefined {
  const equation = node.attribute.find(({ name }) => name === 'equation')?.s
  const terms = new TextDecoder().decode(equation).replace(/\s/g, '').split('->')[0]?.split(',') ?? []
  const sides = new Map<string, number>()
  for (const [place, term] of terms.entries()) {
    const shape = inputs[place]
    if (shape?.length !== term.length) return undefined
    for (const [axis, letter] of [...term].entries()) sides.set(letter, shape[axis] ?? 1)
  }
  return terms.length < 2 ? 0 : (terms.length - 1) * elements([...sides.values()])
}
