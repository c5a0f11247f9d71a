import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodePlatform as platform } from '../../../adapters/platform/index.ts'
import { BadMessage, type Tensor, TooLarge } from '../../../pipeline/index.ts'
import {
  type ActivationEncoding,
  activationEncodings,
  decodeActivation,
  encodeActivation,
  isExact,
} from '../../../stages/transfer/index.ts'

function tensor(shape: readonly number[], values: ArrayLike<number>): Tensor {
  return { name: 'relu5:0', type: 'float32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) }
}

function valuesOf({ bytes }: Tensor): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}

const shape = [2, 3, 4, 5]
const wave = tensor(
  shape,
  Array.from({ length: 120 }, (_, at) => Math.sin(at) * (at % 7)),
)

const roundTrip = async (tensor: Tensor, encoding: ActivationEncoding): Promise<Tensor> =>
  decodeActivation(await encodeActivation(tensor, encoding, platform), { platform })

describe('an encoded activation', () => {
  it('comes back with its name, type and shape, in every encoding', async () => {
    for (const encoding of activationEncodings) {
      const { name, type, shape: sides, bytes } = await roundTrip(wave, encoding)
      expect({ name, type, sides, length: bytes.length }, encoding).toEqual({
        name: 'relu5:0',
        type: 'float32',
        sides: shape,
        length: 480,
      })
      expect(bytes.byteOffset % 4).toBe(0)
    }
  })

  it('comes back bit for bit where the encoding says so, whatever the bits', async () => {
    const exact = activationEncodings.filter((encoding) => isExact(encoding))
    expect(exact).toEqual(['float32', 'float32+deflate', 'float32+brotli'])
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 4, maxLength: 400 }),
        fc.constantFrom(...exact),
        async (raw, encoding) => {
          const bytes = raw.slice(0, raw.length - (raw.length % 4))
          const back = await roundTrip({ ...wave, shape: [bytes.length / 4], bytes }, encoding)
          expect(back.bytes).toEqual(bytes)
        },
      ),
    )
  })

  it('keeps tensors of other types bit for bit in every encoding', async () => {
    const bytes = Uint8Array.from({ length: 64 }, (_, at) => at * 37)
    for (const [type, side] of [
      ['uint8', 64],
      ['int8', 64],
      ['float16', 32],
      ['int32', 16],
      ['int64', 8],
    ] as const) {
      for (const encoding of activationEncodings) {
        expect(isExact(encoding, type)).toBe(true)
        expect((await roundTrip({ name: 'q', type, shape: [side], bytes }, encoding)).bytes).toEqual(bytes)
      }
    }
  })

  it('is off by at most half a unit in the last place as float16', async () => {
    await fc.assert(
      fc.asyncProperty(fc.float({ noNaN: true, min: -65504, max: 65504 }), async (value) => {
        const [back] = valuesOf(await roundTrip(tensor([1], [value]), 'float16'))
        const unit = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(value) || 1)) - 10))
        expect(Math.abs((back ?? Number.NaN) - value)).toBeLessThanOrEqual(unit / 2)
      }),
      { numRuns: 2000 },
    )
  })

  it('rounds halves to even, holds large values down, and keeps NaN and infinity', async () => {
    const given = [
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      2 ** -25,
      3 * 2 ** -25,
      1e6,
      -1e6,
      65_519,
      Infinity,
      -Infinity,
      Number.NaN,
    ]
    const back = valuesOf(await roundTrip(tensor([10], given), 'float16'))
    expect([...back]).toEqual([1, 1 + 2 ** -9, 0, 2 ** -23, 65_504, -65_504, 65_504, Infinity, -Infinity, Number.NaN])
  })

  it('is off by at most one step as bytes, and zero stays zero', async () => {
    await fc.assert(
      fc.asyncProperty(
        // Far below float32's normal range a step of 1/255 of the range cannot be written any more.
        fc.array(
          fc.integer({ min: -1e9, max: 1e9 }).map((whole) => whole / 1000),
          {
            minLength: 1,
            maxLength: 96,
          },
        ),
        fc.constantFrom('uint8', 'uint8-per-channel', 'uint8+deflate'),
        async (list, encoding) => {
          const values = [...list, 0]
          const back = valuesOf(await roundTrip(tensor([values.length], values), encoding))
          const step = (Math.max(0, ...values) - Math.min(0, ...values)) / 255
          for (const [at, value] of values.entries()) {
            expect(Math.abs((back[at] ?? Number.NaN) - Math.fround(value))).toBeLessThanOrEqual(step * 1.001)
          }
          expect(back.at(-1)).toBe(0)
        },
      ),
    )
  })

  it('has a step of its own in each channel where asked', async () => {
    const loud = Array.from({ length: 16 }, (_, at) => at * 1000)
    const quiet = Array.from({ length: 16 }, (_, at) => at / 1000)
    const both = tensor([1, 2, 4, 4], [...loud, ...quiet])
    const error = async (encoding: 'uint8' | 'uint8-per-channel'): Promise<number> => {
      const back = valuesOf(await roundTrip(both, encoding))
      return Math.max(...quiet.map((value, at) => Math.abs(value - (back[16 + at] ?? Number.NaN))))
    }
    expect(await error('uint8')).toBeGreaterThan(0.01)
    expect(await error('uint8-per-channel')).toBeLessThan(0.0001)
  })

  it('carries NaN and infinity as they are where bytes cannot', async () => {
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      const odd = tensor([3], [1, value, 2])
      expect((await roundTrip(odd, 'uint8')).bytes).toEqual(odd.bytes)
    }
  })

  it('is as small as it says', async () => {
    const zeros = tensor([1, 64, 28, 28], new Float32Array(64 * 28 * 28))
    const size = async (encoding: ActivationEncoding): Promise<number> =>
      (await encodeActivation(zeros, encoding, platform)).length
    const head = (await encodeActivation(tensor([1, 64, 0, 28], []), 'float32', platform)).length
    expect((await size('float32')) - head).toBe(4 * 50_176)
    expect((await size('float16')) - head).toBe(2 * 50_176)
    expect((await size('uint8')) - head).toBe(50_176 + 5)
    expect((await size('uint8-per-channel')) - head).toBe(50_176 + 5 * 64)
    expect(await size('uint8+deflate')).toBeLessThan(1000)
    expect(await size('float32+brotli')).toBeLessThan(1000)
  })
})

describe('the thread that encodes', () => {
  /** Whether a promise settles without the event loop having to turn. */
  async function settlesAtOnce(promise: Promise<unknown>): Promise<boolean> {
    let settled = false
    void promise.then(() => {
      settled = true
    })
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    return settled
  }

  it.each(activationEncodings)('waits for %s only where it is packed, which other threads do', async (encoding) => {
    const packed = encoding.includes('+')
    expect(await settlesAtOnce(encodeActivation(wave, encoding, platform))).toBe(!packed)
    expect(await settlesAtOnce(decodeActivation(await encodeActivation(wave, encoding, platform), { platform }))).toBe(
      !packed,
    )
  })
})

describe('bytes that are no activation', () => {
  it('are refused whole and cut off anywhere, in every encoding', async () => {
    for (const encoding of activationEncodings) {
      const whole = await encodeActivation(wave, encoding, platform)
      for (let length = 0; length < whole.length; length++) {
        await expect(
          decodeActivation(whole.subarray(0, length), { platform }),
          `${encoding}, ${length} bytes`,
        ).rejects.toThrow(BadMessage)
      }
    }
  })

  it('never end in anything but a tensor or a named error, whatever they are', async () => {
    const start = await encodeActivation(wave, 'uint8+deflate', platform)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.nat(start.length - 1), async (noise, at) => {
        const bytes = start.slice()
        bytes.set(noise.subarray(0, bytes.length - at), at)
        try {
          await decodeActivation(bytes, { platform, bytes: 1e6 })
        } catch (error) {
          if (!(error instanceof BadMessage) && !(error instanceof TooLarge)) throw error
        }
      }),
      { numRuns: 500 },
    )
  })

  it('are refused before memory is taken when their shape is huge or their packing a bomb', async () => {
    const bytes = await encodeActivation(tensor([1, 1, 1, 1], [1]), 'float32', platform)
    const huge = bytes.slice()
    for (let at = 8; at < 24; at++) huge[at] = 255
    await expect(decodeActivation(huge, { platform })).rejects.toThrow(TooLarge)

    const small = await encodeActivation(tensor([4], [1, 2, 3, 4]), 'float32+deflate', platform)
    const bomb = deflateRawSync(new Uint8Array(10_000_000))
    const head = small.slice(0, 8 + 4 + 4 + 'relu5:0'.length)
    const message = new Uint8Array(head.length + bomb.length)
    message.set(head)
    message.set(bomb, head.length)
    new DataView(message.buffer).setUint32(12, bomb.length, true)
    await expect(decodeActivation(message, { platform })).rejects.toThrow(/does not unpack to 16 bytes/)
  })
})
