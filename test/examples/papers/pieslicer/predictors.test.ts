import fc from 'fast-check'
import MultivariateLinearRegression from 'ml-regression-multivariate-linear'
import { expect, test } from 'vitest'
import { random } from '../../../../adapters/simulation/index.ts'
import { fitted, lasso } from '../../../../examples/papers/pieslicer/lasso.ts'
import { features, predictors } from '../../../../examples/papers/pieslicer/predictors.ts'

/** Features near mean 0 and spread 1, and a target that the first two make. */
function sample(seed: number, count: number) {
  const { normal } = random(seed, 'lasso')
  const x = Array.from({ length: count }, () => [normal(), normal(), normal()])
  const y = x.map(([a, b]) => 5 + 3 * (a as number) - 2 * (b as number) + 0.1 * normal())
  return { x, y }
}

test('lasso without a penalty finds what least squares finds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), (seed) => {
      const { x, y } = sample(seed, 40)
      const fit = lasso(x, y, 0)
      const squares = new MultivariateLinearRegression(
        x,
        y.map((value) => [value]),
      )
      for (const one of x) expect(fitted(fit, one)).toBeCloseTo(squares.predict(one)[0] as number, 4)
    }),
    { numRuns: 25 },
  )
})

test('a penalty takes the weight of what does not matter to exactly 0, and shrinks the others by itself', () => {
  const { x, y } = sample(7, 400)
  const { weights } = lasso(x, y, 0.5)
  expect(weights[2]).toBe(0)
  expect(weights[0]).toBeGreaterThan(2.2)
  expect(weights[0]).toBeLessThan(2.8)
})

test('no weight is left where the penalty exceeds every covariance: the mean is what it predicts', () => {
  const { x, y } = sample(8, 100)
  const fit = lasso(x, y, 10)
  expect(fit.weights.slice(0, 3)).toEqual([0, 0, 0])
  expect(fitted(fit, [1, 1, 1])).toBeCloseTo(y.reduce((sum, value) => sum + value, 0) / y.length, 9)
})

test('every predictor learns a time that grows with the size, for pictures it has not seen', () => {
  const { uniform } = random(3, 'pictures')
  const picture = () => {
    const width = Math.round(400 + 3000 * uniform())
    const height = Math.round(0.75 * width)
    return { bytes: Math.round(width * height * (0.1 + 0.1 * uniform())), width, height }
  }
  const took = ({ bytes }: { bytes: number }) => 20 + (100 * bytes) / 1e6
  const [known, unknown] = [Array.from({ length: 200 }, picture), Array.from({ length: 50 }, picture)]
  for (const { name, train } of predictors()) {
    const predicts = train(known.map(features), known.map(took))
    const errors = unknown.map((one) => Math.abs(predicts(features(one)) / took(one) - 1))
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length, name).toBeLessThan(0.1)
  }
})
