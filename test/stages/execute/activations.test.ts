import { describe, expect, it } from 'vitest'
import { nodePlatform } from '../../../adapters/platform/index.ts'
import { BadConfiguration, BadMessage, webPlatform } from '../../../pipeline/index.ts'
import { tensor } from '../../../pipeline/testing/index.ts'
import { decodeActivations, encodeActivations } from '../../../stages/execute/activations.ts'

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
