import { describe, expect, it } from 'vitest'
import {
  evaluate,
  fitPredictor,
  loadPredictor,
  type Measured,
  onDevice,
  referencePredictor,
  type Sample,
} from '../../../../adapters/onnx/profile/index.ts'
import { BadConfiguration } from '../../../../pipeline/index.ts'
import { noise } from '../graph/random.ts'

/** Layers of models whose times follow a rule, a tenth of a per cent off. */
function layers(rule: (macs: number, bytes: number) => number, kind = 'Conv', models = 6, each = 10): Sample[] {
  const random = noise(models * each * 3, 5)
  return Array.from({ length: models * each }, (_, at) => {
    const macs = 10 ** (6 + (random[3 * at] ?? 0))
    const bytes = 10 ** (5 + (random[3 * at + 1] ?? 0))
    const ms = rule(macs, bytes) * (1 + 0.001 * (random[3 * at + 2] ?? 0))
    return { model: `m${at % models}`, kind, macs, bytes, ms }
  })
}

const linear = (macs: number, bytes: number): number => 0.02 + macs / 5e7 + bytes / 1e7
const power = (macs: number): number => 1e-4 * macs ** 0.6

describe('a latency predictor', () => {
  it('finds a linear rule again, for layers it never saw', () => {
    const predictor = fitPredictor(layers(linear))
    for (const [macs, bytes] of [
      [3e5, 2e4],
      [2e6, 7e5],
      [5e7, 1e6],
    ] as const) {
      const predicted = predictor.layer({ kind: 'Conv', macs, bytes })
      expect(Math.abs(predicted / linear(macs, bytes) - 1)).toBeLessThan(0.02)
    }
    expect(predictor.save().kinds.Conv?.form).toBe('linear')
  })

  it('takes the logarithmic form where that fits unseen models better', () => {
    const predictor = fitPredictor(layers(power))
    expect(predictor.save().kinds.Conv?.form).toBe('log')
    expect(Math.abs(predictor.layer({ kind: 'Conv', macs: 2e6, bytes: 1e5 }) / power(2e6) - 1)).toBeLessThan(0.05)
  })

  it('never predicts less than no time', () => {
    const predictor = fitPredictor(layers((macs, bytes) => Math.max(0.001, macs / 1e6 - bytes / 1e5)))
    for (const macs of [0, 1, 1e5, 1e9]) {
      for (const bytes of [0, 1e3, 1e8]) {
        expect(predictor.layer({ kind: 'Conv', macs, bytes })).toBeGreaterThanOrEqual(0)
        expect(predictor.layer({ kind: 'Unheard', macs, bytes })).toBeGreaterThanOrEqual(0)
      }
    }
  })

  it('takes a variant never seen for its operator, and an operator never seen by the bytes it moves', () => {
    const moving = layers((_, bytes) => bytes / 2e7, 'Relu')
    const predictor = fitPredictor([...layers(linear), ...moving])
    const size = { macs: 1e6, bytes: 1e5 }
    expect(predictor.layer({ kind: 'Conv:spatial:int8', ...size })).toBe(predictor.layer({ kind: 'Conv', ...size }))
    expect(predictor.layer({ kind: 'Unheard', ...size })).toBeCloseTo(1e5 / 2e7, 4)
  })

  it('expects nothing of kinds that are always computed as part of another', () => {
    const fused = layers(() => 0, 'Clip')
    const predictor = fitPredictor([...layers(linear), ...fused])
    expect(predictor.layer({ kind: 'Clip', macs: 1e6, bytes: 1e6 })).toBe(0)
  })

  it('moves towards what heads and tails really take', () => {
    const predictor = fitPredictor([...layers(linear), ...layers((_, bytes) => bytes / 2e7, 'Relu')])
    const head = [
      { kind: 'Conv', macs: 3e6, bytes: 1e5 },
      { kind: 'Conv', macs: 1e6, bytes: 2e5 },
    ]
    const before = predictor.total(head)
    const relu = predictor.layer({ kind: 'Relu', macs: 1, bytes: 1e5 })
    for (let time = 0; time < 30; time++) predictor.observe(head, 2 * before)
    expect(predictor.total(head) / before).toBeCloseTo(2, 1)
    expect(predictor.layer({ kind: 'Relu', macs: 1, bytes: 1e5 })).toBe(relu)
    predictor.observe(head, 0)
    predictor.observe([], 5)
    expect(predictor.total(head) / before).toBeCloseTo(2, 1)
  })

  it('is the same when it is saved and loaded, and refuses what is none', () => {
    const predictor = fitPredictor(layers(linear))
    const again = loadPredictor(JSON.parse(JSON.stringify(predictor.save())))
    const features = { kind: 'Conv', macs: 1e6, bytes: 1e5 }
    expect(again.layer(features)).toBe(predictor.layer(features))
    expect(() => loadPredictor({ version: 1, kinds: {} })).toThrow(BadConfiguration)
    expect(loadPredictor(referencePredictor).layer({ kind: 'Conv:spatial', macs: 1e8, bytes: 1e6 })).toBeGreaterThan(0)
  })
})

describe('holding out', () => {
  it('predicts each model from the others alone', () => {
    const models = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5']
    const all = layers(linear)
    const measured = models.map((model): Measured => {
      const samples = all.filter((sample) => sample.model === model)
      const configurations = samples.map(({ kind, ms, macs }) => ({
        model,
        kind,
        ms,
        variables: [Math.sqrt(macs), 1] as const,
      }))
      return { model, family: model < 'm3' ? 'a' : 'b', samples, configurations }
    })
    const found = evaluate(measured)
    expect(found.models.map(({ model }) => model)).toEqual(models)
    expect(found.totalError).toBeLessThan(0.01)
    expect(found.layers.r2).toBeGreaterThan(0.99)
    expect(found.baselineError).toBeGreaterThan(found.totalError)
    // A model with a time of its own is not known to those that never saw it.
    const odd = measured.map((one, at) =>
      at > 0 ? one : { ...one, samples: one.samples.map((s) => ({ ...s, ms: 3 * s.ms })) },
    )
    const first = evaluate(odd).models[0]
    expect((first?.ms ?? 0) / (first?.predicted ?? 1)).toBeCloseTo(3, 1)
    expect(evaluate(measured, 'family').totalError).toBeLessThan(0.01)
  })
})

describe('another device', () => {
  const here = [
    { ms: 1, macs: 3e6 },
    { ms: 3, macs: 5e6 },
  ]

  it('takes the layers in the shares they have here', () => {
    expect(onDevice('this', here)).toEqual([1, 3])
    expect(onDevice('2.5x', here)).toEqual([2.5, 7.5])
    const [one = 0, other = 0] = onDevice('pixel2-cpu', here)
    expect(one + other).toBeCloseTo(1, 9)
    expect(other / one).toBeCloseTo(3, 9)
  })

  it('is named when it is not known', () => {
    expect(() => onDevice('toaster', here)).toThrow(/No device "toaster".*pixel2-cpu/)
  })
})
