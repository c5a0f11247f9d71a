import { describe, expect, it } from 'vitest'
import { BadConfiguration } from '../../../pipeline/index.ts'
import { tensor } from '../../../pipeline/testing/index.ts'
import { encodeActivations } from '../../../stages/execute/activations.ts'
import { assertEncoding, pictureWriting } from '../../../stages/transfer/index.ts'

describe('the name of an encoding', () => {
  it('says format, quality and subsampling of a prepared picture', () => {
    expect(pictureWriting('jpeg')).toEqual({ format: 'jpeg' })
    expect(pictureWriting('jpeg:80')).toEqual({ format: 'jpeg', quality: 80 })
    expect(pictureWriting('jpeg:100:444')).toEqual({ format: 'jpeg', quality: 100, subsampling: '444' })
    expect(pictureWriting('webp:5')).toEqual({ format: 'webp', quality: 5 })
    for (const name of [
      'jpeg:0',
      'jpeg:101',
      'jpeg:9.5',
      'jpeg:90:422',
      'webp:80:444',
      'raw:90',
      'png',
      'JPEG',
      'uint8',
    ])
      expect(pictureWriting(name), name).toBeUndefined()
  })

  it('that there is not is refused with the one that was meant', () => {
    for (const name of ['original', 'jpeg:70', 'raw', 'tensor', 'float16', 'uint8-per-channel+brotli'])
      assertEncoding(name)
    for (const [name, meant] of [
      ['uint9', 'uint8'],
      ['float61', 'float16'],
      ['jepg', 'jpeg'],
      ['uint8+delfate', 'uint8+deflate'],
    ] as const) {
      expect(() => assertEncoding(name), name).toThrow(BadConfiguration)
      expect(() => assertEncoding(name), name).toThrow(`no encoding "${name}". Did you mean "${meant}"?`)
    }
  })

  it('is looked at before activations are written: nothing crosses as float32 without a word', async () => {
    await expect(encodeActivations('relu', [tensor('relu', [1, 4])], 'uint9')).rejects.toThrow('Did you mean "uint8"?')
  })
})
