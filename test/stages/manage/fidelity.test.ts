import { describe, expect, it } from 'vitest'
import { keeps, measuredPixel, offered, unmeasured } from '../../../stages/manage/index.ts'
import { entry } from '../../support/models.ts'

const measured = (cut: string, encoding: string, kept: number, bytes = 100) => ({
  cut,
  encoding,
  keeps: kept,
  by: 'labels',
  bytes,
  pictures: 1000,
})
const model = entry('m', {
  fidelity: [
    measured('prepared', 'jpeg:50', 0.9, 900),
    measured('prepared', 'jpeg:90', 0.98, 2000),
    measured('prepared', 'jpeg:80:444', 0.99, 1800),
    measured('prepared', 'webp:90', 0.97, 1900),
    measured('after:a', 'uint8', 0.997),
    measured('after:b', 'uint8', 0.95),
  ],
})

describe('what a model keeps of its accuracy', () => {
  it('is all of it where nothing is lost', () => {
    for (const encoding of ['raw', 'tensor', 'original']) expect(keeps(model, 'prepared', encoding)).toBe(1)
    for (const encoding of ['float32', 'float32+brotli']) expect(keeps(model, 'after:a', encoding)).toBe(1)
  })

  it('is what was measured for its cut and encoding, however that is packed', () => {
    expect(keeps(model, 'prepared', 'jpeg:90')).toBe(0.98)
    expect(keeps(model, 'prepared', 'jpeg:80:444')).toBe(0.99)
    expect(keeps(model, 'after:a', 'uint8')).toBe(0.997)
    expect(keeps(model, 'after:a', 'uint8+deflate')).toBe(0.997)
  })

  it('is of jpeg without a quality what jpeg:90 keeps, which is what is written', () => {
    expect(keeps(model, 'prepared', 'jpeg')).toBe(0.98)
    expect(keeps(model, 'prepared', 'jpeg:90:420')).toBe(0.98)
  })

  it('is no better than the next lower quality, and no better than another layer, where it was not measured', () => {
    expect(keeps(model, 'prepared', 'jpeg:85')).toBe(0.9)
    expect(keeps(model, 'prepared', 'jpeg:95:444')).toBe(0.98)
    expect(keeps(model, 'after:c', 'uint8')).toBe(0.95)
  })

  it('is taken to be less than all where nothing like it was measured', () => {
    expect(unmeasured).toBeLessThan(1)
    expect(keeps(model, 'prepared', 'jpeg:40')).toBe(unmeasured)
    expect(keeps(model, 'after:a', 'float16')).toBe(unmeasured)
    expect(keeps(entry('n'), 'prepared', 'jpeg')).toBe(unmeasured)
  })
})

describe('the encodings that are offered for a model', () => {
  it('are those that keep more than all that take fewer bytes', () => {
    expect(offered(model)).toEqual(['jpeg:50', 'jpeg:80:444'])
    expect(offered(entry('n'))).toEqual([])
  })

  it('have the size that was measured', () => {
    expect(measuredPixel([model], 'jpeg:50')).toBeCloseTo(900 / 64)
    expect(measuredPixel([entry('n')], 'jpeg:50')).toBeUndefined()
  })
})

describe('a measured encoding', () => {
  it('has a name that loses something, and fits its cut', () => {
    for (const [cut, encoding] of [
      ['prepared', 'uint8'],
      ['prepared', 'raw'],
      ['prepared', 'jpeg:0'],
      ['after:a', 'jpeg:90'],
      ['after:a', 'uint9'],
      ['after:a', 'float32'],
      ['captured', 'jpeg:90'],
    ] as const) {
      expect(() => entry('m', { fidelity: [measured(cut, encoding, 0.9)] }), `${cut} ${encoding}`).toThrow()
    }
  })
})
