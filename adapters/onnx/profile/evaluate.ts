import { type Configuration, fitBaseline } from './baseline.ts'
import { fitPredictor, type Sample } from './predictor.ts'
import { mape, rSquared } from './regression.ts'

/** A model whose layers were measured. */
export interface Measured {
  readonly model: string
  /** Models of one family are held out together: `mobilenet_v1` of every size. */
  readonly family: string
  readonly samples: readonly Sample[]
  readonly configurations: readonly Configuration[]
}

/** How well models are predicted by predictors that never saw them. */
export interface Evaluation {
  readonly models: readonly {
    readonly model: string
    /** Milliseconds: measured, predicted, and predicted by the paper's linear model on configurations. */
    readonly ms: number
    readonly predicted: number
    readonly baseline: number
  }[]
  /** Mean absolute percentage error of the models' total times, 0…1. */
  readonly totalError: number
  readonly baselineError: number
  /** Over all held-out layers that take time of their own: coefficient of determination and error. */
  readonly layers: { readonly r2: number; readonly error: number }
  readonly baselineLayers: { readonly r2: number; readonly error: number }
}

/** Holds out one model (or one family) after the other, fits on the rest, and predicts what was held out. */
export function evaluate(measured: readonly Measured[], by: 'model' | 'family' = 'model'): Evaluation {
  const rows = measured.map((held) => {
    const rest = measured.filter((other) => other[by] !== held[by])
    const predictor = fitPredictor(rest.flatMap(({ samples }) => samples))
    const baseline = fitBaseline(rest.flatMap(({ configurations }) => configurations))
    return {
      model: held.model,
      observed: held.samples.map(({ ms }) => ms),
      predicted: held.samples.map((sample) => predictor.layer(sample)),
      baseline: held.configurations.map(baseline),
    }
  })
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)
  const models = rows.map(({ model, observed, predicted, baseline }) => ({
    model,
    ms: sum(observed),
    predicted: sum(predicted),
    baseline: sum(baseline),
  }))
  const layers = rows.flatMap(({ observed, predicted, baseline }) =>
    observed.flatMap((ms, at) => (ms > 0 ? [{ ms, predicted: predicted[at] ?? 0, baseline: baseline[at] ?? 0 }] : [])),
  )
  const quality = (of: 'predicted' | 'baseline') => ({
    r2: rSquared(
      layers.map((layer) => layer[of]),
      layers.map(({ ms }) => ms),
    ),
    error: mape(
      layers.map((layer) => layer[of]),
      layers.map(({ ms }) => ms),
    ),
  })
  return {
    models,
    totalError: mape(
      models.map(({ predicted }) => predicted),
      models.map(({ ms }) => ms),
    ),
    baselineError: mape(
      models.map(({ baseline }) => baseline),
      models.map(({ ms }) => ms),
    ),
    layers: quality('predicted'),
    baselineLayers: quality('baseline'),
  }
}
