import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { toHalves } from '../../../stages/transfer/index.ts'
import { Tensor } from '../runtime.ts'
import type { Model } from './model.ts'
import { elements, type TensorInfo } from './tensors.ts'

/** What a session is run on, or what it answers, by name. */
export type Tensors = Readonly<Record<string, Tensor>>

/** How often inputs of another kind can be had. */
export const kindsOfInputs = 3

/**
 * Seeded inputs of a model, at the sizes taken for its free dimensions: for other seeds noise, a smooth wave, or spikes on
 * nothing. Whole numbers are 0 or 1, which are indices and flags of any model.
 * @returns undefined where an input has no shape, or a type that cannot be made up
 */
export function seededInputs(model: Model, seed: number): Tensors | undefined {
  const feeds: Record<string, Tensor> = {}
  for (const [place, input] of model.inputs.entries()) {
    const made = madeUp(input, seed, place)
    if (!made) return undefined
    feeds[input.name] = made
  }
  return feeds
}

function madeUp({ type, shape }: TensorInfo, seed: number, place: number): Tensor | undefined {
  if (!shape) return undefined
  const count = elements(shape)
  const random = generator(seed * 31 + place)
  switch (type) {
    case 'float32':
      return new Tensor('float32', floats(count, seed, random), shape)
    case 'float16':
      return new Tensor('float16', toHalves(floats(count, seed, random)), shape)
    case 'float64':
      return new Tensor('float64', Float64Array.from(floats(count, seed, random)), shape)
    case 'uint8':
      return new Tensor(
        'uint8',
        Uint8Array.from({ length: count }, () => random() * 256),
        shape,
      )
    case 'int8':
      return new Tensor(
        'int8',
        Int8Array.from({ length: count }, () => random() * 256 - 128),
        shape,
      )
    case 'bool':
      return new Tensor(
        'bool',
        Uint8Array.from({ length: count }, () => random() * 2),
        shape,
      )
    case 'int32':
      return new Tensor(
        'int32',
        Int32Array.from({ length: count }, () => random() * 2),
        shape,
      )
    case 'int64':
      return new Tensor(
        'int64',
        BigInt64Array.from({ length: count }, () => BigInt(Math.floor(random() * 2))),
        shape,
      )
    default:
      return undefined
  }
}

function floats(count: number, seed: number, random: () => number): Float32Array {
  switch (seed % kindsOfInputs) {
    case 0:
      return Float32Array.from({ length: count }, () => 2 * random() - 1)
    case 1: {
      const [fast, slow] = [20 + 30 * random(), 300 + 900 * random()]
      return Float32Array.from({ length: count }, (_, at) => Math.sin(at / fast) * Math.cos(at / slow))
    }
    default:
      return Float32Array.from({ length: count }, () => (random() < 0.1 ? 4 * random() : 0))
  }
}

/** Evenly spread numbers in [0, 1), the same for the same seed. */
function generator(seed: number): () => number {
  const bits = xoroshiro128plus(seed)
  return () => uniformFloat64(bits)
}
