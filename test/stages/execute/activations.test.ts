import { describe, expect, it } from 'vitest'
import { nodePlatform } from '../../../adapters/platform/index.ts'
import {
  BadConfiguration,
  BadMessage,
  type Platform,
  Refused,
  type TensorsPayload,
  TooLarge,
  webPlatform,
} from '../../../pipeline/index.ts'
import { tensor } from '../../../pipeline/testing/index.ts'
import { encodeActivations } from '../../../stages/execute/activations.ts'
import { Expansion } from '../../../stages/execute/expansion.ts'

/** What they are read as, without an end to the room. */
const decodeActivations = (payload: TensorsPayload, platform: Platform = webPlatform) =>
  new Expansion().of(payload, undefined, platform, async (tensors) => tensors)

const crossing = [tensor('relu', [1, 4, 8, 8]), tensor('state', [1, 6], 'int64')]

describe('activations behind a layer', () => {
  it.each([undefined, 'float32', 'jpeg', 'tensor'])('cross as they are where the plan says %s', async (encoding) => {
    const payload = await encodeActivations('relu', crossing, encoding)
    expect(payload).toEqual({ form: 'tensors', at: 'after:relu', tensors: crossing })
    expect(await decodeActivations(payload)).toBe(payload.tensors)
  })

  it.each(['float16', 'uint8+deflate', 'float32+brotli'])(
    'come back in their order, written as %s',
    async (encoding) => {
      const payload = await encodeActivations('relu', crossing, encoding, nodePlatform)
      expect(payload).toMatchObject({
        at: 'after:relu',
        encoding,
        tensors: [{ name: 'relu', type: 'uint8' }, { name: 'state' }],
      })
      for (const { shape, bytes } of payload.tensors) expect(shape).toEqual([bytes.byteLength])
      const back = await decodeActivations(payload, nodePlatform)
      expect(back.map(({ name, type, shape }) => ({ name, type, shape }))).toEqual(
        crossing.map(({ name, type, shape }) => ({ name, type, shape })),
      )
      expect(back[1]?.bytes).toEqual(crossing[1]?.bytes)
    },
  )

  it('of an unknown encoding, or with damaged bytes, are a bad message', async () => {
    const payload = await encodeActivations('relu', crossing, 'float16')
    await expect(decodeActivations({ ...payload, encoding: 'float8' })).rejects.toThrow(/"float8"/)
    const [first] = payload.tensors
    const torn = { ...payload, tensors: [{ ...tensor('relu', [4]), ...first, bytes: Uint8Array.of(1, 2, 3) }] }
    await expect(decodeActivations(torn)).rejects.toThrow(BadMessage)
  })

  it('are refused by the name of the packing where a side lacks it, and by no other', async () => {
    const lacks = { name: 'BadConfiguration', message: expect.stringMatching(/"brotli".*it has: plain, deflate\./) }
    await expect(encodeActivations('relu', crossing, 'uint8+brotli', webPlatform)).rejects.toMatchObject(lacks)
    const payload = await encodeActivations('relu', crossing, 'uint8+brotli', nodePlatform)
    await expect(decodeActivations(payload, webPlatform)).rejects.toMatchObject(lacks)
    await expect(decodeActivations(payload, { ...nodePlatform, packers: {} })).rejects.toThrow(BadConfiguration)
    const deflated = await encodeActivations('relu', crossing, 'uint8+deflate', nodePlatform)
    await expect(decodeActivations(deflated, webPlatform)).resolves.toHaveLength(2)
  })
})

describe('room for activations', () => {
  /** Packed zeros: little that stands for much. */
  const bomb = (sides: readonly number[]) =>
    encodeActivations(
      'relu',
      sides.map((side) => tensor(`t${side}`, [side])),
      'uint8+deflate',
      nodePlatform,
    )
  const read = (room: Expansion, payload: TensorsPayload, most?: number, run = async () => {}) =>
    room.of(payload, most, { ...nodePlatform, packers: watched }, run)
  let unpacked = 0
  const watched = Object.fromEntries(
    Object.entries(nodePlatform.packers).map(([name, packer]) => [
      name,
      {
        ...packer,
        unpack(packed: Uint8Array, most: number) {
          unpacked++
          return packer.unpack(packed, most)
        },
      },
    ]),
  )

  it('is no more than the catalogue says of the cut, in sum over the tensors, before anything is unpacked', async () => {
    const payload = await bomb([1000, 1000])
    unpacked = 0
    await expect(read(new Expansion(), payload, 7999)).rejects.toThrow(TooLarge)
    expect(unpacked).toBe(0)
    await read(new Expansion(), payload, 8000)
    expect(unpacked).toBe(2)
  })

  it('is bounded where the catalogue says nothing, too', async () => {
    const one = await bomb([8 * 2 ** 20])
    const tensors = [...one.tensors, ...one.tensors, ...one.tensors]
    unpacked = 0
    await expect(read(new Expansion(), { ...one, tensors })).rejects.toThrow(/67108864 are allowed/)
    expect(unpacked).toBe(0)
  })

  it('is shared by all that are held: who finds none is refused for now, and it comes back, also after a failed run', async () => {
    const payload = await bomb([1000])
    const room = new Expansion(9000)
    const hold = () => {
      let end = (_error?: Error): void => {}
      const run = new Promise<void>((resolve, reject) => {
        end = (error) => (error ? reject(error) : resolve())
      })
      // It may end before anybody waits for it.
      run.catch(() => {})
      return { end, ended: read(room, payload, undefined, () => run) }
    }
    const [first, second] = [hold(), hold()]
    await expect(read(room, payload)).rejects.toThrow(Refused)
    second.end(new Error('the run failed'))
    await expect(second.ended).rejects.toThrow('the run failed')
    await read(room, payload)
    first.end()
    await first.ended
  })
})
