import type { Name, Net } from './net.ts'

/* What networks are made of, in the form that a net's opset has for it. */

export function unsqueeze(net: Net, x: Name, axes: readonly number[]): Name {
  return net.opset < 13 ? net.op('Unsqueeze', [x], { axes }) : net.op('Unsqueeze', [x, net.longs(axes)])
}

export function squeeze(net: Net, x: Name, axes: readonly number[]): Name {
  return net.opset < 13 ? net.op('Squeeze', [x], { axes }) : net.op('Squeeze', [x, net.longs(axes)])
}

export function reduce(net: Net, kind: string, x: Name, axes: readonly number[], keepdims = 1): Name {
  const since = kind === 'ReduceSum' ? 13 : 18
  return net.opset < since ? net.op(kind, [x], { axes, keepdims }) : net.op(kind, [x, net.longs(axes)], { keepdims })
}

export function clip(net: Net, x: Name, low: number, high: number): Name {
  return net.opset < 11
    ? net.op('Clip', [x], { min: { float: low }, max: { float: high } })
    : net.op('Clip', [x, net.scalar(low), net.scalar(high)])
}

export function split(net: Net, x: Name, axis: number, sizes: readonly number[]): Name[] {
  return net.opset < 13
    ? net.ops('Split', [x], sizes.length, { axis, split: sizes })
    : net.ops('Split', [x, net.longs(sizes)], sizes.length, { axis })
}

export function slice(
  net: Net,
  x: Name,
  from: readonly number[],
  to: readonly number[],
  axes: readonly number[],
): Name {
  return net.opset < 10
    ? net.op('Slice', [x], { starts: from, ends: to, axes })
    : net.op('Slice', [x, net.longs(from), net.longs(to), net.longs(axes)])
}

export function pad(net: Net, x: Name, pads: readonly number[]): Name {
  return net.opset < 11 ? net.op('Pad', [x], { pads }) : net.op('Pad', [x, net.longs(pads)])
}

export function reshape(net: Net, x: Name, shape: readonly number[]): Name {
  return net.op('Reshape', [x, net.longs(shape)])
}

/** A convolution with its bias. */
export function conv(
  net: Net,
  x: Name,
  from: number,
  to: number,
  { size = 3, stride = 1, groups = 1, bias = true, dilation = 1 } = {},
): Name {
  const edge = dilation * ((size - 1) >> 1)
  const inputs = [x, net.weight([to, from / groups, size, size])]
  if (bias) inputs.push(net.weight([to], { spread: 0.2 }))
  return net.op('Conv', inputs, {
    kernel_shape: [size, size],
    pads: [edge, edge, edge, edge],
    strides: [stride, stride],
    dilations: [dilation, dilation],
    group: groups,
  })
}

export function batchNorm(net: Net, x: Name, channels: number): Name {
  const weights = [
    net.weight([channels], { centre: 1, spread: 0.3 }),
    net.weight([channels], { spread: 0.3 }),
    net.weight([channels], { spread: 0.3 }),
    net.weight([channels], { centre: 1, spread: 0.5 }),
  ]
  return net.op('BatchNormalization', [x, ...weights], { epsilon: 0.001 })
}

export function linear(net: Net, x: Name, from: number, to: number): Name {
  return net.op('Add', [net.op('MatMul', [x, net.weight([from, to])]), net.weight([to], { spread: 0.2 })])
}

/** Layer normalisation spelled out, as PyTorch does below opset 17. */
export function layerNorm(net: Net, x: Name, width: number): Name {
  const mean = reduce(net, 'ReduceMean', x, [-1])
  const centred = net.op('Sub', [x, mean])
  const squares = net.op('Pow', [centred, net.scalar(2)])
  const variance = reduce(net, 'ReduceMean', squares, [-1])
  const deviation = net.op('Sqrt', [net.op('Add', [variance, net.scalar(1e-5)])])
  const normal = net.op('Div', [centred, deviation])
  const scaled = net.op('Mul', [normal, net.weight([width], { centre: 1, spread: 0.2 })])
  return net.op('Add', [scaled, net.weight([width], { spread: 0.2 })])
}

/** Layer normalisation as an operator where the opset has it. */
export function layerNormOp(net: Net, x: Name, width: number): Name {
  if (net.opset < 17) return layerNorm(net, x, width)
  return net.op('LayerNormalization', [x, net.weight([width], { centre: 1, spread: 0.2 }), net.weight([width])], {
    axis: -1,
    epsilon: 1e-5,
  })
}

/** GELU spelled out by the error function. */
export function gelu(net: Net, x: Name): Name {
  const narrow = net.op('Div', [x, net.scalar(Math.SQRT2)])
  const above = net.op('Add', [net.op('Erf', [narrow]), net.scalar(1)])
  return net.op('Mul', [net.op('Mul', [x, above]), net.scalar(0.5)])
}

/** GELU by the hyperbolic tangent. */
export function fastGelu(net: Net, x: Name): Name {
  const cube = net.op('Pow', [x, net.scalar(3)])
  const sum = net.op('Add', [x, net.op('Mul', [cube, net.scalar(0.044715)])])
  const tanh = net.op('Tanh', [net.op('Mul', [sum, net.scalar(Math.sqrt(2 / Math.PI))])])
  const above = net.op('Add', [tanh, net.scalar(1)])
  return net.op('Mul', [net.op('Mul', [x, net.scalar(0.5)]), above])
}

export function swish(net: Net, x: Name): Name {
  return net.op('Mul', [x, net.op('Sigmoid', [x])])
}

export function hardSwish(net: Net, x: Name): Name {
  const gate = clip(net, net.op('Add', [x, net.scalar(3)]), 0, 6)
  return net.op('Div', [net.op('Mul', [x, gate]), net.scalar(6)])
}

/** `x.view(x.size(0), -1)` as PyTorch exports it. */
export function view(net: Net, x: Name): Name {
  const size = net.op('Gather', [net.op('Shape', [x]), net.longs([0], [])], { axis: 0 })
  const first = unsqueeze(net, size, [0])
  const shape = net.op('Concat', [first, net.longs([-1])], { axis: 0 })
  return net.op('Reshape', [x, shape])
}

/** How a head's query and key are scaled, of which every exporter has its own way. */
export type Scaling = 'div' | 'mul' | 'both' | 'query'

export interface AttentionOptions {
  readonly heads?: number
  readonly scaling?: Scaling
  readonly mask?: Name
}

/** Multi-head self-attention, spelled out. `x` is [1, steps, width]. */
export function attention(
  net: Net,
  x: Name,
  steps: number,
  width: number,
  { heads = 2, scaling = 'div', mask }: AttentionOptions = {},
): Name {
  const each = width / heads
  const head = (perm: readonly number[]): Name =>
    net.op('Transpose', [reshape(net, linear(net, x, width, width), [1, steps, heads, each])], { perm })
  let query = head([0, 2, 1, 3])
  let key = head([0, 2, 3, 1])
  const value = head([0, 2, 1, 3])
  if (scaling === 'query') query = net.op('Mul', [query, net.scalar(1 / Math.sqrt(each))])
  if (scaling === 'both') {
    query = net.op('Mul', [query, net.scalar(each ** -0.25)])
    key = net.op('Mul', [key, net.scalar(each ** -0.25)])
  }
  let scores = net.op('MatMul', [query, key])
  if (scaling === 'div') scores = net.op('Div', [scores, net.scalar(Math.sqrt(each))])
  if (scaling === 'mul') scores = net.op('Mul', [scores, net.scalar(1 / Math.sqrt(each))])
  if (mask !== undefined) scores = net.op('Add', [scores, mask])
  const shares = net.op('Softmax', [scores], { axis: 3 })
  const mixed = net.op('Transpose', [net.op('MatMul', [shares, value])], { perm: [0, 2, 1, 3] })
  return linear(net, reshape(net, mixed, [1, steps, width]), width, width)
}

/** A float tensor quantised and dequantised again, per tensor. */
export function fakeQuantised(net: Net, x: Name, scale: number, type: 'uint8' | 'int8' = 'uint8'): Name {
  const zero = net.bytes(type, [type === 'uint8' ? 128 : 0], [])
  const by = net.scalar(scale)
  const quantised = net.op('QuantizeLinear', [x, by, zero])
  return net.op('DequantizeLinear', [quantised, by, zero])
}

/** Weights as int8 with their DequantizeLinear. */
export function int8Weight(net: Net, shape: readonly number[], perChannel: boolean): Name {
  const count = shape.reduce((product, side) => product * side, 1)
  const inner = count / (shape[0] ?? 1)
  const values = Array.from({ length: count }, (_, index) => ((index * 7919 + 31) % 255) - 127)
  const data = net.bytes('int8', values, shape)
  const scale = Math.sqrt(3 / inner) / 127
  if (!perChannel || net.opset < 13) {
    return net.op('DequantizeLinear', [data, net.scalar(scale), net.bytes('int8', [0], [])])
  }
  const channels = shape[0] ?? 1
  const scales = net.floats(Array.from({ length: channels }, (_, index) => scale * (0.5 + (index % 5) / 5)))
  const zeros = net.bytes('int8', new Array<number>(channels).fill(0))
  return net.op('DequantizeLinear', [data, scales, zeros], { axis: 0 })
}
