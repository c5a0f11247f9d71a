import { readModel } from '../../adapters/onnx/graph/index.ts'
import { configurationOf, evaluate, type Measured, profile, samplesOf } from '../../adapters/onnx/profile/index.ts'
import { asset, assetModels } from '../adapters/onnx/graph/assets.ts'
import { type Row, row } from './row.ts'

const passes = 2

/**
 * Measures every model among the assets in turns, keeps each one's calmer pass, and predicts each from the others:
 * ours, and the linear model on configurations of the Neurosurgeon paper.
 */
export async function bench(): Promise<Row[]> {
  if (assetModels.length === 0) return []
  const best = new Map<string, { ms: number; measured: Measured }>()
  for (let pass = 0; pass < passes; pass++) {
    for (const name of assetModels) {
      const model = await readModel(asset(name))
      const value = await profile(model, { within: 2500 })
      if (value.total.ms >= (best.get(name)?.ms ?? Number.POSITIVE_INFINITY)) continue
      const configurations = model.layers.map((layer, index) =>
        configurationOf(model, layer, value.layers[index]?.ms ?? 0),
      )
      const about = { model: value.model.replace('.onnx', ''), family: value.model.replace(/_\d.*/, '') }
      best.set(name, { ms: value.total.ms, measured: { ...about, samples: samplesOf(value), configurations } })
    }
  }
  const measured = [...best.values()].map((one) => one.measured)
  const [model, family] = [evaluate(measured, 'model'), evaluate(measured, 'family')]
  return [
    ...model.models.map((one) =>
      row(
        `${one.model}: predicted ${one.predicted.toFixed(2)} of ${one.ms.toFixed(2)} ms, off by`,
        (100 * Math.abs(one.predicted - one.ms)) / one.ms,
        '%',
      ),
    ),
    row('total time of held-out models, MAPE', 100 * model.totalError, '%', '≤ 15'),
    row('total time of held-out families, MAPE', 100 * family.totalError, '%'),
    row('linear on configuration (Neurosurgeon), held-out models, MAPE', 100 * model.baselineError, '%'),
    row('layers of held-out models, R²', model.layers.r2, ''),
    row('layers of held-out models, MAPE', 100 * model.layers.error, '%'),
    row('linear on configuration, layers, R²', model.baselineLayers.r2, ''),
    row('linear on configuration, layers, MAPE', 100 * model.baselineLayers.error, '%'),
  ]
}
