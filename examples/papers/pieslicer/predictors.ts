import Flatbush from 'flatbush'
import { RandomForestRegression } from 'ml-random-forest'
import MultivariateLinearRegression from 'ml-regression-multivariate-linear'
import { Regression } from '../../../stages/decide/estimate/index.ts'
import { fitted, lasso } from './lasso.ts'
import { libsvm as SVM } from './libsvm.ts'

/** What is known of a picture before anything is done with it: `features` makes them. */
export type Features = readonly number[]

/** ms, of a picture. */
export type Prediction = (features: Features) => number

export interface Predictor {
  readonly name: string
  train(x: readonly Features[], y: readonly number[]): Prediction
}

/** Places of a picture's bytes and pixels, in logarithms, among its features; bytes themselves come first. */
const [bytesAt, logBytes, logPixels] = [0, 4, 7] as const
const neighbours = 7
const penalty = 0.1

/** PieSlicer's features: bytes, width, height, pixels, and the logarithm of 1 + each. */
export function features(picture: {
  readonly bytes: number
  readonly width: number
  readonly height: number
}): Features {
  const { bytes, width, height } = picture
  const plain = [bytes, width, height, width * height]
  return [...plain, ...plain.map((value) => Math.log1p(value))]
}

/** The talk's five, and the regression by which `place()` learns; that one is told of one picture after the other. */
export function predictors(): readonly Predictor[] {
  return [
    {
      name: 'linear (size)',
      train: (x, y) => {
        const model = new MultivariateLinearRegression(
          x.map((one) => [one[bytesAt] as number]),
          y.map((value) => [value]),
          { statistics: false },
        )
        return (one) => model.predict([one[bytesAt] as number])[0] as number
      },
    },
    {
      name: `KNN (k = ${neighbours})`,
      train: (x, y) => {
        const index = new Flatbush(x.length)
        for (const one of x) index.add(one[logBytes] as number, one[logPixels] as number)
        index.finish()
        return (one) => {
          const near = index.neighbors(one[logBytes] as number, one[logPixels] as number, neighbours)
          return near.reduce((sum, at) => sum + (y[at] as number), 0) / near.length
        }
      },
    },
    {
      name: 'random forest',
      train: (x, y) => {
        const model = new RandomForestRegression({
          nEstimators: 8,
          maxFeatures: 1,
          replacement: true,
          seed: 1,
          noOOB: true,
        })
        model.train(x as number[][], y as number[])
        return (one) => model.predict([one as number[]])[0] as number
      },
    },
    {
      name: 'lasso',
      train: (x, y) => {
        const scaled = standardised(x)
        const fit = lasso(x.map(scaled), y, penalty)
        return (one) => fitted(fit, scaled(one))
      },
    },
    {
      name: 'SVR',
      train: (x, y) => {
        const scaled = standardised(x)
        const level = Math.max(...y)
        const model = new SVM({
          type: SVM.SVM_TYPES.EPSILON_SVR,
          kernel: SVM.KERNEL_TYPES.RBF,
          gamma: 1 / 8,
          cost: 10,
          epsilon: 0.002,
          quiet: true,
        })
        model.train(
          x.map(scaled),
          y.map((value) => value / level),
        )
        return (one) => model.predictOne(scaled(one)) * level
      },
    },
    {
      name: 'Kalman (ours)',
      train: (x, y) => {
        const model = new Regression({ size: 2 })
        const seen = (one: Features) => [1, (one[bytesAt] as number) / 1e6]
        for (const [i, one] of x.entries()) model.observe(seen(one), y[i] as number)
        return (one) => model.mean(seen(one))
      },
    },
  ]
}

/** Brings each feature to mean 0 and spread 1, as it was in training. */
function standardised(x: readonly Features[]): (features: Features) => number[] {
  const size = x[0]?.length ?? 0
  const means = Array.from({ length: size }, (_, j) => x.reduce((sum, one) => sum + (one[j] as number), 0) / x.length)
  const spreads = means.map(
    (mean, j) => Math.sqrt(x.reduce((sum, one) => sum + ((one[j] as number) - mean) ** 2, 0) / x.length) || 1,
  )
  return (one) => one.map((value, j) => (value - (means[j] as number)) / (spreads[j] as number))
}
