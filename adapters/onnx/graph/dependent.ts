import type { NodeProto } from './generated/onnx_pb.ts'
import type { Shapes } from './shapes.ts'
import { innerGraphs, type Wiring } from './wiring.ts'

/** Operators whose result has as many elements as the data happen to say. */
const counting: ReadonlySet<string> = new Set([
  'Compress',
  'ImageDecoder',
  'Loop',
  'NonMaxSuppression',
  'NonZero',
  'StringSplit',
  'Unique',
])

/** Operands whose values, not only whose shapes, decide the result's shape, by operator. */
const deciding: Readonly<Record<string, readonly number[]>> = {
  AffineGrid: [1],
  BlackmanWindow: [0],
  CenterCropPad: [1],
  Col2Im: [1, 2],
  ConstantOfShape: [0],
  DFT: [1, 2],
  Expand: [1],
  HammingWindow: [0],
  HannWindow: [0],
  If: [0],
  MaxUnpool: [2],
  MelWeightMatrix: [0, 1],
  OneHot: [1],
  Pad: [1, 3],
  Range: [0, 1, 2],
  ReduceL1: [1],
  ReduceL2: [1],
  ReduceLogSum: [1],
  ReduceLogSumExp: [1],
  ReduceMax: [1],
  ReduceMean: [1],
  ReduceMin: [1],
  ReduceProd: [1],
  ReduceSum: [1],
  ReduceSumSquare: [1],
  Reshape: [1],
  Resize: [1, 2, 3],
  Slice: [1, 2, 3, 4],
  Split: [1],
  SplitToSequence: [1],
  Squeeze: [1],
  STFT: [1, 3],
  Tile: [1, 2],
  TopK: [1],
  Unsqueeze: [1],
  Upsample: [1],
}

/**
 * The tensors whose shape differs from input to input of one size: behind operators that count, and behind those whose
 * shape a computed value decides. One run tells nothing of them. Where a shape is known without a run, it does not.
 */
export function dataDependent(wiring: Wiring, shapes: Shapes): ReadonlySet<string> {
  const values = new Set(wiring.inputs)
  const sizes = new Set<string>()
  wiring.nodes.forEach((node, index) => {
    const reads = wiring.reads[index] ?? []
    const isLookOnly = node.opType === 'Shape' || node.opType === 'Size'
    const bySize = reads.some((name) => sizes.has(name))
    const byValue = reads.some((name) => values.has(name))
    const decided = (deciding[node.opType] ?? []).some((place) => values.has(node.input[place] ?? ''))
    const counts = counting.has(node.opType) || hasCounting(node)
    for (const name of node.output) {
      if (name === '') continue
      // The rank of what is looked at is not its size.
      if (isLookOnly ? bySize : byValue || isRandom(node)) values.add(name)
      const isOpen = shapes.tensors.get(name)?.shape === undefined
      if (isOpen && !isLookOnly && (bySize || decided || counts)) sizes.add(name)
    }
  })
  return sizes
}

function isRandom({ opType }: NodeProto): boolean {
  return opType.startsWith('Random') || opType === 'Multinomial' || opType === 'Bernoulli'
}

function hasCounting(node: NodeProto): boolean {
  return node.attribute.some((attribute) =>
    innerGraphs(attribute).some((graph) => graph.node.some((one) => counting.has(one.opType) || hasCounting(one))),
  )
}
