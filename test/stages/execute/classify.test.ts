import { describe, expect, it } from 'vitest'
import { ExecutionFailed, type Tensor, WrongShape } from '../../../pipeline/index.ts'
import { classify } from '../../../stages/execute/index.ts'
import { entry } from '../../support/models.ts'

function output(values: readonly number[], name = 'logits'): Tensor {
  const floats = Float32Array.from(values)
  return { name, type: 'float32', shape: [1, values.length], bytes: new Uint8Array(floats.buffer) }
}

const probabilities = (change: object = {}) =>
  entry('m', { output: { name: 'logits', kind: 'probabilities' }, ...change })

describe('classify', () => {
  it('gives the labels by their softmax, best first', () => {
    const { label, score, top, ...rest } = classify(entry('m'), [output([Math.log(1), Math.log(6), Math.log(3)])])
    expect(rest).toEqual({ form: 'result', at: 'answered', model: 'm' })
    expect({ label, score }).toEqual(top[0])
    expect(top.map((one) => one.label)).toEqual(['b', 'c', 'a'])
    for (const [place, expected] of [0.6, 0.3, 0.1].entries()) expect(top[place]?.score).toBeCloseTo(expected, 6)
  })

  it('does not overflow, whatever the size of the logits', () => {
    const { label, score } = classify(entry('m'), [output([1e30, -1e30, 3e38])])
    expect({ label, score }).toEqual({ label: 'c', score: 1 })
  })

  it('takes probabilities as they are', () => {
    const { top } = classify(probabilities(), [output([0.25, 0.5, 0.125])])
    expect(top.map(({ score }) => score)).toEqual([0.5, 0.25, 0.125])
  })

  it('reports five labels at most, and equal ones in the order of the catalogue', () => {
    const labels = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    const { top } = classify(probabilities({ labels }), [output([0.1, 0.3, 0.1, 0.3, 0.1, 0.05, 0.05])])
    expect(top.map(({ label }) => label)).toEqual(['b', 'd', 'a', 'c', 'e'])
  })

  it('begins at the label offset: what stands before it has no label', () => {
    const { label } = classify(probabilities({ labelOffset: 1 }), [output([0.9, 0.01, 0.07, 0.02])])
    expect(label).toBe('b')
  })

  it('finds its output among others', () => {
    const { label } = classify(probabilities(), [output([1, 0, 0], 'features'), output([0, 0, 1])])
    expect(label).toBe('c')
  })

  it('fails, by the label, for a value that is no answer: one of many is enough', () => {
    for (const kind of ['logits', 'probabilities'])
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const model = entry('m', { output: { name: 'logits', kind } })
        expect(() => classify(model, [output([0.1, value, 0.8])]), kind).toThrow(ExecutionFailed)
        expect(() => classify(model, [output([0.1, value, 0.8])]), kind).toThrow(/gave (NaN|Infinity) for "b"/)
      }
    const nothing = output([-Infinity, -Infinity, -Infinity])
    expect(() => classify(entry('m'), [nothing])).toThrow('gave -Infinity for "a"')
    expect(() => classify(entry('m', { labelOffset: 1 }), [output([Number.NaN, 1, 2, 3])])).toThrow('for index 0')
  })

  it('takes logits of −∞ for classes that are ruled out', () => {
    const { top } = classify(entry('m'), [output([-Infinity, 2, -Infinity])])
    expect(top.map(({ label, score }) => [label, score])).toEqual([
      ['b', 1],
      ['a', 0],
      ['c', 0],
    ])
  })

  it('fails for probabilities that are none, and takes what rounding adds', () => {
    for (const value of [5.36, -0.6, -Infinity, 1.01]) {
      expect(() => classify(probabilities(), [output([0.1, 0.1, value])])).toThrow(ExecutionFailed)
      expect(() => classify(probabilities(), [output([0.1, 0.1, value])])).toThrow('for "c"')
    }
    const { top } = classify(probabilities(), [output([1.00001, -0.00001, 0])])
    expect(top.map(({ score }) => score)).toEqual([1, 0, 0])
  })

  it('says which outputs there are where its own is missing', () => {
    expect(() => classify(entry('m'), [output([1, 2, 3], 'other')])).toThrow(/no output "logits" \(it has: other\)/)
  })

  it('refuses an output that has another number of values than there are labels, or rows of them', () => {
    expect(() => classify(entry('m'), [output([1, 2, 3, 4])])).toThrow(WrongShape)
    expect(() => classify(entry('m'), [output([1, 2, 3, 4])])).toThrow(/3 labels from index 0: .*row of 3 float32/)
    const detections = { ...output([1, 2, 3, 4, 5, 6]), shape: [1, 3, 2] }
    expect(() => classify(entry('m'), [detections])).toThrow(WrongShape)
    expect(() => classify(entry('m', { labels: ['no', 'yes'] }), [detections])).toThrow(WrongShape)
    const two = { ...output([1, 2, 3, 4]), shape: [2, 2] }
    expect(() => classify(entry('m', { labels: ['a', 'b', 'c', 'd'] }), [two])).toThrow(WrongShape)
    for (const shape of [[3], [1, 3], [1, 3, 1, 1]]) classify(entry('m'), [{ ...output([1, 2, 3]), shape }])
  })

  it('refuses an output that does not hold its labels', () => {
    expect(() => classify(entry('m'), [output([1, 2])])).toThrow(WrongShape)
    expect(() => classify(entry('m', { labelOffset: 1 }), [output([1, 2, 3])])).toThrow(WrongShape)
    expect(() => classify(entry('m'), [{ ...output([1, 2, 3]), type: 'int32' }])).toThrow(WrongShape)
  })
})
