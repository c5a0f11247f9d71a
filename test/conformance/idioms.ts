import { half } from './half.ts'
import { type Name, Net } from './net.ts'
import {
  attention,
  batchNorm,
  clip,
  conv,
  fakeQuantised,
  fastGelu,
  gelu,
  hardSwish,
  int8Weight,
  layerNorm,
  layerNormOp,
  linear,
  pad,
  reduce,
  reshape,
  type Scaling,
  slice,
  split,
  squeeze,
  swish,
  unsqueeze,
  view,
} from './parts.ts'

/** The opsets that the generated models are written in: from the oldest that exporters still write to the runtime's newest. */
export const oldest = 9
export const newest = 26

/** A way in which networks are written, as a model of any opset that has its operators. */
export interface Idiom {
  readonly name: string
  /** The first opset that can say it. */
  readonly since?: number
  /** The last one. */
  readonly until?: number
  readonly build: (opset: number) => Uint8Array
}

const picture = [1, 3, 16, 16] as const

function net(fill: (net: Net) => void): (opset: number) => Uint8Array {
  return (opset) => {
    const made = new Net(opset)
    fill(made)
    return made.model()
  }
}

/** A small classifier's end: pooling, `view`, linear, softmax. */
function classify(net: Net, x: Name, channels: number, flatten: 'view' | 'Flatten' | 'Reshape' = 'Flatten'): void {
  const pooled = net.op('GlobalAveragePool', [x])
  const flat =
    flatten === 'view'
      ? view(net, pooled)
      : flatten === 'Flatten'
        ? net.op('Flatten', [pooled], { axis: 1 })
        : reshape(net, pooled, [-1, channels])
  const logits = net.op('Gemm', [flat, net.weight([10, channels]), net.weight([10])], { transB: 1 })
  net.output(net.op('Softmax', [logits], { axis: 1 }), [1, 10])
}

function transformer(
  net: Net,
  { scaling = 'div' as Scaling, norm = layerNorm, activation = gelu, post = false, blocks = 2, mask = false } = {},
): void {
  const [steps, width] = [6, 16]
  const x = net.input('x', [1, steps, width])
  const hide = mask ? net.input('mask', [1, 1, steps, steps]) : undefined
  let stream = net.op('Add', [linear(net, x, width, width), net.weight([1, steps, width])])
  for (let block = 0; block < blocks; block++) {
    const options = { scaling, ...(hide === undefined ? {} : { mask: hide }) }
    if (post) {
      stream = norm(net, net.op('Add', [attention(net, stream, steps, width, options), stream]), width)
      const inner = linear(net, activation(net, linear(net, stream, width, 32)), 32, width)
      stream = norm(net, net.op('Add', [inner, stream]), width)
    } else {
      stream = net.op('Add', [stream, attention(net, norm(net, stream, width), steps, width, options)])
      const inner = linear(net, activation(net, linear(net, norm(net, stream, width), width, 32)), 32, width)
      stream = net.op('Add', [stream, inner])
    }
  }
  const first = net.op('Gather', [norm(net, stream, width), net.longs([0], [])], { axis: 1 })
  net.output(linear(net, first, width, 5), [1, 5])
}

function residual(net: Net, x: Name, channels: number, wide = channels): Name {
  const a = net.op('Relu', [batchNorm(net, conv(net, x, channels, wide, { bias: false }), wide)])
  const b = batchNorm(net, conv(net, a, wide, channels, { bias: false }), channels)
  return net.op('Relu', [net.op('Add', [b, x])])
}

function inverted(net: Net, x: Name, channels: number, activation: (net: Net, x: Name) => Name): Name {
  const wide = activation(
    net,
    batchNorm(net, conv(net, x, channels, 2 * channels, { size: 1, bias: false }), 2 * channels),
  )
  const deep = activation(
    net,
    batchNorm(net, conv(net, wide, 2 * channels, 2 * channels, { groups: 2 * channels, bias: false }), 2 * channels),
  )
  const squeezed = net.op('GlobalAveragePool', [deep])
  const gate = net.op('Sigmoid', [
    conv(net, net.op('Relu', [conv(net, squeezed, 2 * channels, 4, { size: 1 })]), 4, 2 * channels, { size: 1 }),
  ])
  const scaled = net.op('Mul', [deep, gate])
  return net.op('Add', [
    batchNorm(net, conv(net, scaled, 2 * channels, channels, { size: 1, bias: false }), channels),
    x,
  ])
}

const relu = (net: Net, x: Name): Name => net.op('Relu', [x])
const relu6 = (net: Net, x: Name): Name => clip(net, x, 0, 6)

function quantisedNet(net: Net, perChannel: boolean, type: 'uint8' | 'int8'): void {
  const x = net.input('x', picture)
  let flow = fakeQuantised(net, x, 0.02, type)
  for (const [from, to] of [
    [3, 8],
    [8, 8],
  ] as const) {
    const weight = int8Weight(net, [to, from, 3, 3], perChannel)
    const made = net.op('Conv', [flow, weight], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })
    flow = fakeQuantised(net, net.op('Relu', [made]), 0.02, type)
  }
  const skip = flow
  const deep = net.op('Conv', [flow, int8Weight(net, [8, 8, 1, 1], perChannel)], { kernel_shape: [1, 1] })
  flow = fakeQuantised(net, net.op('Add', [fakeQuantised(net, deep, 0.02, type), skip]), 0.03, type)
  flow = fakeQuantised(net, net.op('MaxPool', [flow], { kernel_shape: [2, 2], strides: [2, 2] }), 0.03, type)
  flow = fakeQuantised(net, net.op('GlobalAveragePool', [flow]), 0.02, type)
  const flat = reshape(net, flow, [1, 8])
  const logits = net.op('MatMul', [flat, int8Weight(net, [8, 10], false)])
  net.output(net.op('Softmax', [fakeQuantised(net, logits, 0.02, type)], { axis: 1 }), [1, 10])
}

function dynamicLinear(net: Net, x: Name, from: number, to: number): Name {
  const [data, scale, zero] = net.ops('DynamicQuantizeLinear', [x], 3) as [Name, Name, Name]
  const values = Array.from({ length: from * to }, (_, index) => ((index * 7919 + 31) % 255) - 127)
  const weight = net.bytes('int8', values, [from, to])
  const product = net.op('MatMulInteger', [data, weight, zero, net.bytes('int8', [0], [])])
  const floats = net.op('Cast', [product], { to: 1 })
  const scaled = net.op('Mul', [floats, net.op('Mul', [scale, net.scalar(0.005)])])
  return net.op('Add', [scaled, net.weight([to])])
}

function recurrent(
  net: Net,
  kind: 'LSTM' | 'GRU' | 'RNN',
  direction: 'forward' | 'bidirectional',
  stated: boolean,
): void {
  const [steps, width, hidden] = [4, 6, 8]
  const ways = direction === 'forward' ? 1 : 2
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[kind]
  const x = net.input('x', [steps, 1, width])
  const states = kind === 'LSTM' ? ['h', 'c'] : ['h']
  const given = stated ? states.map((name) => net.input(name, [ways, 1, hidden])) : []
  const inside = linear(net, x, width, width)
  const layer = (from: Name, size: number, initial: readonly Name[], names: readonly Name[] | number): Name[] =>
    net.ops(
      kind,
      [
        from,
        net.weight([ways, gates * hidden, size]),
        net.weight([ways, gates * hidden, hidden]),
        net.weight([ways, 2 * gates * hidden], { spread: 0.2 }),
        '',
        ...initial,
      ].filter((name, index, all) => name !== '' || index < all.length - 1),
      names,
      { hidden_size: hidden, direction, ...(kind === 'GRU' ? { linear_before_reset: 1 } : {}) },
    )
  const outs = stated ? ['sequence', ...states.map((name) => `${name}_out`)] : states.length + 1
  const [first] = layer(inside, width, given, outs) as [Name]
  const joined = reshape(net, net.op('Transpose', [first], { perm: [0, 2, 1, 3] }), [steps, 1, ways * hidden])
  const [second] = layer(net.op('Tanh', [joined]), ways * hidden, [], 1) as [Name]
  const last = reshape(net, net.op('Transpose', [second], { perm: [0, 2, 1, 3] }), [steps, 1, ways * hidden])
  net.output(linear(net, last, ways * hidden, 3), [steps, 1, 3])
  if (stated) for (const name of states) net.output(`${name}_out`, [ways, 1, hidden])
}

/** Attention of one new step over what was kept of those before it: keys and values are states. */
function cached(net: Net, concat: boolean): void {
  const [width, heads, past] = [16, 2, 5]
  const each = width / heads
  const x = net.input('x', [1, 1, width])
  const kept = concat ? past : past + 1
  for (const layer of [0, 1]) {
    net.input(`past_key_${layer}`, [1, heads, kept, each])
    net.input(`past_value_${layer}`, [1, heads, kept, each])
  }
  let stream = linear(net, x, width, width)
  const outputs: [Name, number][] = []
  for (const layer of [0, 1]) {
    const normal = layerNorm(net, stream, width)
    const project = (): Name =>
      net.op('Transpose', [reshape(net, linear(net, normal, width, width), [1, 1, heads, each])], {
        perm: [0, 2, 1, 3],
      })
    const query = project()
    const joined = (name: string, fresh: Name): Name => {
      const before = concat ? `${name}_${layer}` : slice(net, `${name}_${layer}`, [1], [past + 1], [2])
      const made = net.ops('Concat', [before, fresh], [`${name}_${layer}_out`], { axis: 2 })[0] as Name
      outputs.push([made, past + 1])
      return made
    }
    const keys = joined('past_key', project())
    const values = joined('past_value', project())
    const scores = net.op('MatMul', [query, net.op('Transpose', [keys], { perm: [0, 1, 3, 2] })])
    const shares = net.op('Softmax', [net.op('Div', [scores, net.scalar(Math.sqrt(each))])], { axis: 3 })
    const mixed = net.op('Transpose', [net.op('MatMul', [shares, values])], { perm: [0, 2, 1, 3] })
    stream = net.op('Add', [stream, linear(net, reshape(net, mixed, [1, 1, width]), width, width)])
    stream = net.op('Add', [
      stream,
      linear(net, gelu(net, linear(net, layerNorm(net, stream, width), width, 32)), 32, width),
    ])
  }
  net.output(linear(net, stream, width, 7), [1, 1, 7])
  for (const [name, steps] of outputs) net.output(name, [1, heads, steps, each])
}

function branch(net: Net): void {
  const x = net.input('x', [1, 8])
  const inside = net.op('Relu', [linear(net, x, 8, 8)])
  const sum = reduce(net, 'ReduceSum', inside, [0, 1], 0)
  const condition = net.op('Greater', [sum, net.scalar(1)])
  const arm = (fill: (inner: Net) => Name) =>
    net.inner((inner) => {
      inner.output(fill(inner), [1, 8])
    })
  const [made] = net.ops('If', [condition], 1, {
    then_branch: arm((inner) => inner.op('Add', [inner.op('MatMul', [inside, inner.weight([8, 8])]), x])),
    else_branch: arm((inner) => inner.op('Tanh', [inside])),
  }) as [Name]
  net.output(linear(net, net.op('Relu', [made]), 8, 4), [1, 4])
}

function loop(net: Net): void {
  const x = net.input('x', [1, 8])
  const start = linear(net, x, 8, 8)
  const weight = net.weight([8, 8])
  const body = net.inner((inner) => {
    inner.input('step', [], 'int64')
    inner.input('going', [], 'bool')
    inner.input('carried', [1, 8])
    const next = inner.op('Tanh', [inner.op('Add', [inner.op('MatMul', ['carried', weight]), start])])
    inner.output(inner.op('Identity', ['going']), [], 'bool')
    inner.output(next, [1, 8])
    inner.output(inner.op('Identity', [next]), [1, 8])
  })
  const [last, all] = net.ops('Loop', [net.longs([3], []), '', start], 2, { body }) as [Name, Name]
  const sum = reduce(net, 'ReduceMean', all, [0], 0)
  net.output(linear(net, net.op('Add', [last, sum]), 8, 4), [1, 4])
}

function scan(net: Net): void {
  const x = net.input('x', [5, 8])
  const inside = net.op('Relu', [linear(net, x, 8, 8)])
  const weight = net.weight([8, 8])
  const body = net.inner((inner) => {
    inner.input('before', [8])
    inner.input('now', [8])
    const next = inner.op('Tanh', [inner.op('Add', [inner.op('MatMul', ['before', weight]), 'now'])])
    inner.output(next, [8])
    inner.output(inner.op('Identity', [next]), [8])
  })
  const zeros = net.floats(new Array<number>(8).fill(0))
  const [, all] = net.ops('Scan', [zeros, inside], 2, { body, num_scan_inputs: 1 }) as [Name, Name]
  net.output(linear(net, net.op('Relu', [all]), 8, 4), [5, 4])
}

const plain: readonly Idiom[] = [
  ...(['view', 'Flatten', 'Reshape'] as const).map((flatten) => ({
    name: `convolutional net ending in ${flatten}`,
    build: net((net) => {
      let flow = conv(net, net.input('x', picture), 3, 8, { stride: 2 })
      flow = net.op('MaxPool', [net.op('Relu', [flow])], { kernel_shape: [2, 2], strides: [2, 2] })
      flow = net.op('LeakyRelu', [conv(net, flow, 8, 12)], { alpha: 0.1 })
      classify(net, flow, 12, flatten)
    }),
  })),
  {
    name: 'view of a free batch',
    build: net((net) => {
      const flow = net.op('Relu', [conv(net, net.input('x', ['batch', 3, 8, 8]), 3, 4)])
      const flat = view(net, flow)
      const hidden = net.op('Relu', [net.op('Gemm', [flat, net.weight([6, 256]), net.weight([6])], { transB: 1 })])
      net.output(net.op('Gemm', [hidden, net.weight([3, 6]), net.weight([3])], { transB: 1 }), ['batch', 3])
    }),
  },
  {
    name: 'residual blocks with batch normalisation',
    build: net((net) => {
      let flow = net.op('Relu', [batchNorm(net, conv(net, net.input('x', picture), 3, 8, { bias: false }), 8)])
      flow = residual(net, residual(net, flow, 8), 8, 12)
      classify(net, flow, 8)
    }),
  },
  {
    name: 'pre-activation residual blocks',
    build: net((net) => {
      let flow = conv(net, net.input('x', picture), 3, 8)
      for (let block = 0; block < 2; block++) {
        const a = net.op('Relu', [batchNorm(net, flow, 8)])
        const b = net.op('Relu', [batchNorm(net, conv(net, a, 8, 8), 8)])
        flow = net.op('Add', [flow, conv(net, b, 8, 8)])
      }
      classify(net, net.op('Relu', [batchNorm(net, flow, 8)]), 8)
    }),
  },
  {
    name: 'dense block',
    build: net((net) => {
      let flow = conv(net, net.input('x', picture), 3, 8)
      for (const channels of [8, 12, 16]) {
        const made = conv(net, net.op('Relu', [batchNorm(net, flow, channels)]), channels, 4, { bias: false })
        flow = net.op('Concat', [flow, made], { axis: 1 })
      }
      classify(net, net.op('AveragePool', [flow], { kernel_shape: [2, 2], strides: [2, 2] }), 20)
    }),
  },
  ...(
    [
      ['Relu', relu, 0],
      ['Relu6', relu6, 0],
      ['hard swish spelled out', hardSwish, 0],
      ['swish spelled out', swish, 0],
      ['HardSwish', (net: Net, x: Name) => net.op('HardSwish', [x]), 14],
    ] as const
  ).map(([word, activation, since]) => ({
    name: `inverted residuals, squeeze and excitation, ${word}`,
    ...(since > 0 ? { since } : {}),
    build: net((net) => {
      let flow = activation(net, batchNorm(net, conv(net, net.input('x', picture), 3, 4, { stride: 2 }), 4))
      flow = inverted(net, inverted(net, flow, 4, activation), 4, activation)
      classify(net, flow, 4)
    }),
  })),
  {
    name: 'encoder and decoder with skips',
    build: net((net) => {
      const x = net.input('x', picture)
      const one = net.op('Relu', [conv(net, x, 3, 6)])
      const two = net.op('Relu', [conv(net, net.op('MaxPool', [one], { kernel_shape: [2, 2], strides: [2, 2] }), 6, 8)])
      const up = net.op('ConvTranspose', [two, net.weight([8, 6, 2, 2]), net.weight([6])], {
        kernel_shape: [2, 2],
        strides: [2, 2],
      })
      const joined = net.op('Concat', [one, up], { axis: 1 })
      const last = conv(net, net.op('Relu', [conv(net, joined, 12, 6)]), 6, 2, { size: 1 })
      net.output(net.op('Sigmoid', [last]), [1, 2, 16, 16])
    }),
  },
  {
    name: 'transposed convolutions with batch normalisation',
    build: net((net) => {
      let flow = reshape(net, linear(net, net.input('x', [1, 10]), 10, 128), [1, 8, 4, 4])
      for (const [from, to] of [
        [8, 6],
        [6, 3],
      ] as const) {
        const up = net.op('ConvTranspose', [flow, net.weight([from, to, 4, 4])], {
          kernel_shape: [4, 4],
          strides: [2, 2],
          pads: [1, 1, 1, 1],
        })
        flow = net.op('Relu', [batchNorm(net, up, to)])
      }
      net.output(net.op('Tanh', [flow]), [1, 3, 16, 16])
    }),
  },
  {
    name: 'instance normalisation, padding and upsampling',
    build: net((net) => {
      let flow = conv(net, pad(net, net.input('x', picture), [0, 0, 1, 1, 0, 0, 1, 1]), 3, 6)
      flow = net.op('InstanceNormalization', [flow, net.weight([6], { centre: 1 }), net.weight([6])])
      flow = net.op('Relu', [flow])
      flow =
        net.opset < 10
          ? net.op('Upsample', [flow, net.floats([1, 1, 2, 2])], { mode: 'nearest' })
          : net.opset < 11
            ? net.op('Resize', [flow, net.floats([1, 1, 2, 2])], { mode: 'nearest' })
            : net.op('Resize', [flow, '', net.floats([1, 1, 2, 2])], {
                mode: 'nearest',
                coordinate_transformation_mode: 'asymmetric',
                nearest_mode: 'floor',
              })
      net.output(conv(net, net.op('PRelu', [flow, net.weight([6, 1, 1])]), 6, 3), [1, 3, 36, 36])
    }),
  },
  {
    name: 'pixel shuffle',
    build: net((net) => {
      const flow = net.op('Relu', [conv(net, net.input('x', [1, 1, 12, 12]), 1, 8, { size: 5 })])
      net.output(net.op('DepthToSpace', [conv(net, flow, 8, 4)], { blocksize: 2 }), [1, 1, 24, 24])
    }),
  },
  {
    name: 'pixel shuffle by reshape and transpose',
    build: net((net) => {
      const flow = conv(net, net.op('Relu', [conv(net, net.input('x', [1, 1, 12, 12]), 1, 8)]), 8, 4)
      const parts = net.op('Transpose', [reshape(net, flow, [1, 1, 2, 2, 12, 12])], { perm: [0, 1, 4, 2, 5, 3] })
      net.output(reshape(net, parts, [1, 1, 24, 24]), [1, 1, 24, 24])
    }),
  },
  {
    name: 'channel shuffle',
    build: net((net) => {
      let flow = conv(net, net.input('x', picture), 3, 8)
      for (let block = 0; block < 2; block++) {
        const [kept, worked] = split(net, flow, 1, [4, 4]) as [Name, Name]
        const deep = conv(net, net.op('Relu', [conv(net, worked, 4, 4, { size: 1 })]), 4, 4, { groups: 4 })
        const joined = net.op('Concat', [kept, net.op('Relu', [batchNorm(net, deep, 4)])], { axis: 1 })
        const turned = net.op('Transpose', [reshape(net, joined, [1, 2, 4, 16, 16])], { perm: [0, 2, 1, 3, 4] })
        flow = reshape(net, turned, [1, 8, 16, 16])
      }
      classify(net, flow, 8)
    }),
  },
  {
    name: 'inception block and local response normalisation',
    build: net((net) => {
      const first = net.op('LRN', [net.op('Relu', [conv(net, net.input('x', picture), 3, 8)])], {
        size: 3,
        alpha: 0.0001,
        beta: 0.75,
      })
      const arms = [
        net.op('Relu', [conv(net, first, 8, 4, { size: 1 })]),
        net.op('Relu', [conv(net, net.op('Relu', [conv(net, first, 8, 4, { size: 1 })]), 4, 6)]),
        net.op('Relu', [
          conv(net, net.op('MaxPool', [first], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] }), 8, 4, {
            size: 1,
          }),
        ]),
      ]
      const joined = net.op('Concat', arms, { axis: 1 })
      classify(net, net.op('Dropout', [joined]), 14)
    }),
  },
  {
    name: 'dilated pyramid',
    build: net((net) => {
      const x = net.op('Relu', [conv(net, net.input('x', picture), 3, 6)])
      const arms = [1, 2, 4].map((dilation) => net.op('Relu', [batchNorm(net, conv(net, x, 6, 4, { dilation }), 4)]))
      const joined = conv(net, net.op('Concat', arms, { axis: 1 }), 12, 3, { size: 1 })
      net.output(net.op('Softmax', [joined], { axis: 1 }), [1, 3, 16, 16])
    }),
  },
  {
    name: 'detector: several answers on the way',
    build: net((net) => {
      const one = residual(net, net.op('Relu', [conv(net, net.input('x', picture), 3, 8)]), 8)
      const two = net.op('Relu', [conv(net, one, 8, 8, { stride: 2 })])
      const answer = (flow: Name, side: number): [Name, Name] => {
        const turn = (from: Name, each: number): Name =>
          reshape(net, net.op('Transpose', [from], { perm: [0, 2, 3, 1] }), [1, side * side, each])
        return [turn(conv(net, flow, 8, 4), 4), net.op('Softmax', [turn(conv(net, flow, 8, 2), 2)], { axis: 2 })]
      }
      const [boxesOne, scoresOne] = answer(one, 16)
      const [boxesTwo, scoresTwo] = answer(two, 8)
      net.output(net.op('Concat', [boxesOne, boxesTwo], { axis: 1 }), [1, 320, 4])
      net.output(net.op('Concat', [scoresOne, scoresTwo], { axis: 1 }), [1, 320, 2])
    }),
  },
  {
    name: 'NHWC picture turned at the start',
    build: net((net) => {
      const x = net.op('Transpose', [net.input('x', [1, 16, 16, 3])], { perm: [0, 3, 1, 2] })
      const scaled = net.op('Div', [net.op('Sub', [x, net.floats([1, 2, 3], [1, 3, 1, 1])]), net.scalar(58)])
      const flow = net.op('Relu', [conv(net, scaled, 3, 8)])
      const back = net.op('Transpose', [flow], { perm: [0, 2, 3, 1] })
      const biased = net.op('Add', [back, net.weight([8])])
      const again = net.op('Transpose', [biased], { perm: [0, 3, 1, 2] })
      classify(net, net.op('Relu', [conv(net, again, 8, 8)]), 8)
    }),
  },
  {
    name: 'convolution, transpose, sum (channels last bias)',
    build: net((net) => {
      const flow = conv(net, net.input('x', picture), 3, 8, { bias: false })
      const turned = net.op('Transpose', [flow], { perm: [0, 2, 3, 1] })
      const biased = net.op('Relu', [net.op('Add', [turned, net.weight([8])])])
      net.output(net.op('MatMul', [biased, net.weight([8, 4])]), [1, 16, 16, 4])
    }),
  },
  {
    name: 'patches, as a vision transformer begins',
    build: net((net) => {
      const patches = net.op('Conv', [net.input('x', picture), net.weight([12, 3, 4, 4]), net.weight([12])], {
        kernel_shape: [4, 4],
        strides: [4, 4],
      })
      const steps = net.op('Transpose', [reshape(net, patches, [1, 12, 16])], { perm: [0, 2, 1] })
      const joined = net.op('Concat', [net.weight([1, 1, 12]), steps], { axis: 1 })
      let flow = net.op('Add', [joined, net.weight([1, 17, 12])])
      flow = net.op('Add', [flow, attention(net, layerNorm(net, flow, 12), 17, 12, { scaling: 'mul' })])
      const first = net.op('Gather', [layerNorm(net, flow, 12), net.longs([0], [])], { axis: 1 })
      net.output(linear(net, first, 12, 4), [1, 4])
    }),
  },
  ...(['div', 'mul', 'both', 'query'] as const).map((scaling) => ({
    name: `transformer, scores scaled by ${scaling}`,
    build: net((net) => transformer(net, { scaling })),
  })),
  {
    name: 'transformer, normalisation behind the sum, fast GELU, mask',
    build: net((net) => transformer(net, { post: true, activation: fastGelu, mask: true })),
  },
  {
    name: 'transformer, LayerNormalization',
    since: 17,
    build: net((net) => transformer(net, { norm: layerNormOp })),
  },
  {
    name: 'transformer, LayerNormalization behind the sum',
    since: 17,
    build: net((net) => transformer(net, { norm: layerNormOp, post: true, activation: relu })),
  },
  {
    name: 'transformer, Gelu operator',
    since: 20,
    build: net((net) => transformer(net, { norm: layerNormOp, activation: (net, x) => net.op('Gelu', [x]) })),
  },
  {
    name: 'transformer of RMS normalisation and gated units',
    build: net((net) => {
      const x = net.input('x', [1, 6, 16])
      const rms = (flow: Name): Name => {
        const mean = reduce(net, 'ReduceMean', net.op('Pow', [flow, net.scalar(2)]), [-1])
        const root = net.op('Sqrt', [net.op('Add', [mean, net.scalar(1e-6)])])
        const inverse = net.op('Div', [net.scalar(1), root])
        return net.op('Mul', [net.op('Mul', [flow, inverse]), net.weight([16], { centre: 1 })])
      }
      let flow = net.op('MatMul', [x, net.weight([16, 16])])
      flow = net.op('Add', [flow, attention(net, rms(flow), 6, 16)])
      const normal = rms(flow)
      const gate = swish(net, net.op('MatMul', [normal, net.weight([16, 24])]))
      const inner = net.op('Mul', [gate, net.op('MatMul', [normal, net.weight([16, 24])])])
      flow = net.op('Add', [flow, net.op('MatMul', [inner, net.weight([24, 16])])])
      net.output(net.op('MatMul', [rms(flow), net.weight([16, 9])]), [1, 6, 9])
    }),
  },
  {
    name: 'RMSNormalization and rotary embedding operators',
    since: 23,
    build: net((net) => {
      const x = net.op('MatMul', [net.input('x', [1, 6, 16]), net.weight([16, 16])])
      const normal = net.op('RMSNormalization', [x, net.weight([16], { centre: 1 })], { axis: -1 })
      const heads = net.op('Transpose', [reshape(net, normal, [1, 6, 2, 8])], { perm: [0, 2, 1, 3] })
      const turned = net.op('RotaryEmbedding', [heads, net.weight([1, 6, 4]), net.weight([1, 6, 4])])
      const flat = reshape(net, net.op('Transpose', [turned], { perm: [0, 2, 1, 3] }), [1, 6, 16])
      net.output(linear(net, net.op('Add', [flat, x]), 16, 4), [1, 6, 4])
    }),
  },
  {
    name: 'Attention operator',
    since: 23,
    build: net((net) => {
      const x = net.input('x', [1, 6, 16])
      const project = (): Name => linear(net, x, 16, 16)
      const made = net.op('Attention', [project(), project(), project()], { q_num_heads: 2, kv_num_heads: 2 })
      net.output(linear(net, net.op('Add', [made, x]), 16, 4), [1, 6, 4])
    }),
  },
  { name: 'keys and values kept by concatenation', build: net((net) => cached(net, true)) },
  { name: 'keys and values kept in a window', build: net((net) => cached(net, false)) },
  {
    name: 'token embedding and mask from tokens',
    build: net((net) => {
      const tokens = net.input('tokens', [1, 6], 'int64')
      const mask = net.input('attention_mask', [1, 6], 'int64')
      let flow = net.op('Gather', [net.weight([11, 16]), tokens], { axis: 0 })
      flow = layerNorm(net, net.op('Add', [flow, net.weight([1, 6, 16])]), 16)
      const floats = net.op('Cast', [unsqueeze(net, mask, [1, 2])], { to: 1 })
      const hidden = net.op('Mul', [net.op('Sub', [net.scalar(1), floats]), net.scalar(-10_000)])
      flow = net.op('Add', [flow, attention(net, flow, 6, 16, { mask: hidden })])
      net.output(linear(net, layerNorm(net, flow, 16), 16, 3), [1, 6, 3])
    }),
  },
  {
    name: 'constant factor before a product',
    build: net((net) => {
      const a = net.op('Mul', [net.input('x', [1, 5, 16]), net.scalar(0.37)])
      const b = net.op('Mul', [net.op('MatMul', [a, net.weight([16, 16])]), net.scalar(1.7)])
      const c = net.op('MatMul', [net.op('Relu', [b]), net.weight([16, 8])])
      net.output(net.op('Div', [c, net.scalar(3)]), [1, 5, 8])
    }),
  },
  {
    name: 'product, factor, transpose, product',
    build: net((net) => {
      const x = net.input('x', [1, 4, 16])
      const a = net.op('Mul', [net.op('MatMul', [x, net.weight([16, 8])]), net.scalar(0.31)])
      const turned = net.op('Transpose', [a], { perm: [0, 2, 1] })
      const b = net.op('MatMul', [net.op('MatMul', [x, net.weight([16, 8])]), turned])
      net.output(net.op('Softmax', [b], { axis: 2 }), [1, 4, 4])
    }),
  },
  {
    name: 'one over a norm, multiplied',
    build: net((net) => {
      const x = linear(net, net.input('x', [1, 5, 16]), 16, 16)
      const sum = reduce(net, 'ReduceSum', net.op('Mul', [x, x]), [-1])
      const inverse = net.op('Div', [net.scalar(1), net.op('Sqrt', [sum])])
      const unit = net.op('Mul', [x, inverse])
      net.output(net.op('MatMul', [unit, net.weight([16, 4])]), [1, 5, 4])
    }),
  },
  {
    name: 'L2 norms by operator and cosine similarity',
    build: net((net) => {
      const embed = (name: string): Name => {
        const flow = linear(net, net.input(name, [1, 12]), 12, 8)
        return net.op('Div', [flow, reduce(net, 'ReduceL2', flow, [1])])
      }
      const [a, b] = [embed('a'), embed('b')]
      net.output(
        net.op('Mul', [net.op('MatMul', [a, net.op('Transpose', [b], { perm: [1, 0] })]), net.scalar(14.3)]),
        [1, 1],
      )
    }),
  },
  ...(['LSTM', 'GRU', 'RNN'] as const).flatMap((kind) => [
    { name: `${kind} with states`, build: net((net) => recurrent(net, kind, 'forward', true)) },
    { name: `bidirectional ${kind}`, build: net((net) => recurrent(net, kind, 'bidirectional', false)) },
  ]),
  {
    name: 'temporal convolutions (1-d) with gates',
    build: net((net) => {
      let flow = net.input('x', [1, 6, 32])
      for (let block = 0; block < 2; block++) {
        const made = net.op('Conv', [flow, net.weight([12, 6, 3]), net.weight([12])], {
          kernel_shape: [3],
          pads: [1, 1],
        })
        const [value, gate] = split(net, made, 1, [6, 6]) as [Name, Name]
        flow = net.op('Add', [flow, net.op('Mul', [net.op('Tanh', [value]), net.op('Sigmoid', [gate])])])
      }
      net.output(squeeze(net, reduce(net, 'ReduceMean', flow, [2]), [2]), [1, 6])
    }),
  },
  { name: 'If', build: net(branch) },
  { name: 'Loop', build: net(loop) },
  { name: 'Scan', build: net(scan) },
  ...[false, true].flatMap((perChannel) =>
    (['uint8', 'int8'] as const).map((type) => ({
      name: `QDQ, ${type} activations, weights per ${perChannel ? 'channel' : 'tensor'}`,
      since: perChannel ? 13 : 10,
      build: net((net) => quantisedNet(net, perChannel, type)),
    })),
  ),
  {
    name: 'dynamic quantisation',
    since: 11,
    build: net((net) => {
      const hidden = net.op('Relu', [dynamicLinear(net, net.input('x', [1, 4, 16]), 16, 24)])
      net.output(net.op('Softmax', [dynamicLinear(net, hidden, 24, 6)], { axis: 2 }), [1, 4, 6])
    }),
  },
  {
    name: 'dynamically quantised transformer block',
    since: 11,
    build: net((net) => {
      const x = net.input('x', [1, 4, 16])
      const normal = layerNorm(net, x, 16)
      const inner = dynamicLinear(net, gelu(net, dynamicLinear(net, normal, 16, 32)), 32, 16)
      net.output(net.op('Add', [inner, x]), [1, 4, 16])
    }),
  },
  {
    name: 'integer convolution',
    since: 11,
    build: net((net) => {
      const [data, scale, zero] = net.ops('DynamicQuantizeLinear', [net.input('x', picture)], 3) as [Name, Name, Name]
      const weight = net.bytes(
        'int8',
        Array.from({ length: 216 }, (_, at) => ((at * 7919) % 255) - 127),
        [8, 3, 3, 3],
      )
      const made = net.op('ConvInteger', [data, weight, zero], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })
      const floats = net.op('Mul', [net.op('Cast', [made], { to: 1 }), net.op('Mul', [scale, net.scalar(0.002)])])
      classify(net, net.op('Relu', [floats]), 8)
    }),
  },
  {
    name: 'pixels as bytes, cast and scaled inside',
    build: net((net) => {
      const x = net.op('Cast', [net.input('x', picture, 'uint8')], { to: 1 })
      const scaled = net.op('Mul', [net.op('Sub', [x, net.scalar(127.5)]), net.scalar(1 / 127.5)])
      classify(net, net.op('Relu', [conv(net, scaled, 3, 8)]), 8)
    }),
  },
]

/** The same with every float32 as float16. */
const halves: readonly Idiom[] = plain
  .filter(({ name }) =>
    /convolutional net ending in Flatten|residual blocks with|inverted.*Relu6|scaled by div|LayerNormalization$|LSTM with/.test(
      name,
    ),
  )
  .map((idiom) => ({ ...idiom, name: `float16: ${idiom.name}`, build: (opset) => half(idiom.build(opset)) }))

export const idioms: readonly Idiom[] = [...plain, ...halves]
