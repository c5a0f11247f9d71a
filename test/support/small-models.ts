import { type OnnxType, onnx } from './onnx-builder.ts'

/** Seeded values in −scale…scale, the same on every machine. */
export function seeded(count: number, seed: number, scale = 1): Float32Array {
  let state = seed >>> 0
  // Not Float32Array.from with a function, which takes twenty times as long: large models have millions.
  const values = new Float32Array(count)
  for (let at = 0; at < count; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    values[at] = (state / 2 ** 31 - 1) * scale
  }
  return values
}

/** A picture classifier: `input` `[n, 3, size, size]` → convolution, pooling, linear → `logits` `[n, classes]`. */
export function classifier({ size = 32, classes = 5, seed = 1, features = 8 } = {}): Uint8Array {
  return onnx({
    inputs: [{ name: 'input', shape: ['n', 3, size, size] }],
    outputs: [{ name: 'logits', shape: ['n', classes] }],
    weights: [
      { name: 'kernel', shape: [features, 3, 3, 3], values: seeded(features * 27, seed, 0.5) },
      { name: 'linear', shape: [features, classes], values: seeded(features * classes, seed + 1) },
    ],
    nodes: [
      {
        type: 'Conv',
        inputs: ['input', 'kernel'],
        outputs: ['c'],
        attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
      },
      { type: 'Relu', inputs: ['c'], outputs: ['r'] },
      { type: 'GlobalAveragePool', inputs: ['r'], outputs: ['p'] },
      { type: 'Flatten', inputs: ['p'], outputs: ['f'], attributes: { axis: 1 } },
      { type: 'MatMul', inputs: ['f', 'linear'], outputs: ['logits'] },
    ],
  })
}

/**
 * `x` `[side, side]` → multiplied `times` times by itself → `y`: takes as long as one likes. Without weights, of which
 * the runtime would keep a packed copy for each of the products.
 */
export function slow({ side = 384, times = 100 } = {}): Uint8Array {
  const name = (index: number) => (index === 0 ? 'x' : index === times ? 'y' : `x${index}`)
  return onnx({
    inputs: [{ name: 'x', shape: [side, side] }],
    outputs: [{ name: 'y', shape: [side, side] }],
    nodes: Array.from({ length: times }, (_, index) => ({
      type: 'MatMul',
      inputs: [name(index), 'x'],
      outputs: [name(index + 1)],
    })),
  })
}

/** `x` `[1, side]` → one large matrix → `y`: its size is that of its weights. */
export function heavy({ side = 1024, seed = 1 } = {}): Uint8Array {
  return onnx({
    inputs: [{ name: 'x', shape: [1, side] }],
    outputs: [{ name: 'y', shape: [1, side] }],
    weights: [{ name: 'w', shape: [side, side], values: seeded(side * side, seed) }],
    nodes: [{ type: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
  })
}

/** Gives back what it takes. */
export function identity(type: OnnxType, shape: readonly (number | string)[]): Uint8Array {
  return onnx({
    inputs: [{ name: 'x', type, shape }],
    outputs: [{ name: 'y', type, shape }],
    nodes: [{ type: 'Identity', inputs: ['x'], outputs: ['y'] }],
  })
}

/** `x` `[1, 3, side, side]` → its three means `y`: next to no work on many bytes (602 KB at 224). */
export function means(side = 224): Uint8Array {
  return onnx({
    inputs: [{ name: 'x', shape: [1, 3, side, side] }],
    outputs: [{ name: 'y', shape: [1, 3, 1, 1] }],
    nodes: [{ type: 'GlobalAveragePool', inputs: ['x'], outputs: ['y'] }],
  })
}

/** `a` `[n, 2]`, `b` `[n, 2]` → `sum`, `product`: two inputs, two outputs. */
export function twoByTwo(): Uint8Array {
  return onnx({
    inputs: [
      { name: 'a', shape: ['n', 2] },
      { name: 'b', shape: ['n', 2] },
    ],
    outputs: [
      { name: 'sum', shape: ['n', 2] },
      { name: 'product', shape: ['n', 2] },
    ],
    nodes: [
      { type: 'Add', inputs: ['a', 'b'], outputs: ['sum'] },
      { type: 'Mul', inputs: ['a', 'b'], outputs: ['product'] },
    ],
  })
}

/**
 * `x` `[1, 3, side, side]` → convolutions → `y` `[1, 64, 1, 1]`: at 224 three of them take a few milliseconds, as a small
 * MobileNet, and each more about one.
 *
 * @param count at least 3
 */
export function convolutions(side = 224, count = 3): Uint8Array {
  const later = Array.from(
    { length: count - 2 },
    (_, index) => [index === 0 ? 'b' : `c${index}`, `c${index + 1}`] as const,
  )
  const convolution = (from: string, to: string, stride: number) => ({
    type: 'Conv',
    inputs: [from, `${to}-kernel`],
    outputs: [to],
    attributes: { strides: [stride, stride], pads: [1, 1, 1, 1] },
  })
  const kernel = (name: string, outputs: number, inputs: number) => ({
    name: `${name}-kernel`,
    shape: [outputs, inputs, 3, 3],
    values: seeded(outputs * inputs * 9, outputs + inputs, 0.1),
  })
  return onnx({
    inputs: [{ name: 'x', shape: [1, 3, side, side] }],
    outputs: [{ name: 'y', shape: [1, 64, 1, 1] }],
    weights: [kernel('a', 32, 3), kernel('b', 64, 32), ...later.map(([, to]) => kernel(to, 64, 64))],
    nodes: [
      convolution('x', 'a', 2),
      convolution('a', 'b', 2),
      ...later.map(([from, to]) => convolution(from, to, 1)),
      { type: 'GlobalAveragePool', inputs: [later.at(-1)?.[1] ?? 'b'], outputs: ['y'] },
    ],
  })
}
