import { BadConfiguration } from '../../pipeline/index.ts'
import { readModel } from '../onnx/graph/index.ts'
import {
  configurationOf,
  evaluate,
  fitPredictor,
  type Measured,
  type ModelProfile,
  profile,
  samplesOf,
  saveProfile,
} from '../onnx/profile/index.ts'
import { type Output, result, table } from './output.ts'
import { plot } from './plots.ts'
import { profilePath } from './times.ts'
import { dimensions, ms, states, whole } from './units.ts'

/** Options of `quintet profile`, as the command line gives them. */
export interface ProfileOptions {
  readonly runs?: unknown
  readonly threads?: unknown
  readonly output?: string
  readonly dim?: unknown
  readonly state?: unknown
  readonly heldOut?: boolean
  readonly plot?: string
  readonly json?: boolean
}

/** `quintet profile MODEL…`: measures models here, keeps their profiles, and says how well others predict each. */
export async function profileCommand(paths: readonly string[], options: ProfileOptions, output: Output): Promise<void> {
  if (paths.length > 1 && (options.output !== undefined || options.plot !== undefined)) {
    throw new BadConfiguration('One file holds one model: name --output and --plot with a single model.')
  }
  if (options.heldOut && paths.length < 3) {
    throw new BadConfiguration('Holding out needs at least three models, of which each is predicted from the others.')
  }
  const runs = whole(options.runs ?? 40, '--runs', { most: 1_000_000 })
  const threads = whole(options.threads ?? 1, '--threads', { most: 1024 })
  const profiles: { value: ModelProfile; path: string; measured: Measured }[] = []
  for (const path of paths) {
    const model = await readModel(path, { dimensions: dimensions(options.dim), states: states(options.state) })
    const value = await profile(model, { runs, threads })
    const to = options.output ?? profilePath(model, value.threads)
    await saveProfile(to, value)
    if (options.plot !== undefined) await draw(options.plot, value)
    const configurations = model.layers.map((layer, index) =>
      configurationOf(model, layer, value.layers[index]?.ms ?? 0),
    )
    const measured = {
      model: value.model,
      family: value.model.replace(/_\d.*/, ''),
      samples: samplesOf(value),
      configurations,
    }
    profiles.push({ value, path: to, measured })
    if (paths.length > 1 && !options.json) output.note(`${value.model}: ${ms(value.total.ms)} ms`)
  }
  if (options.heldOut)
    return heldOut(
      profiles.map(({ measured }) => measured),
      options,
      output,
    )
  const json = profiles.map(({ value, path }) => ({ ...value, path }))
  result(output, options.json, paths.length === 1 ? json[0] : json, () => profiles.map(text).join('\n\n'))
}

function text({ value, path }: { value: ModelProfile; path: string }): string {
  const timed = value.layers.filter((layer) => layer.ms > 0)
  const calm =
    value.undisturbed < 0.9
      ? `\nOther programs took time from the runs; measure again in peace for better figures.`
      : ''
  return [
    table(
      ['layer', 'kind', '>ms', '>quartiles', '>share'],
      timed.map((layer) => [
        layer.name,
        layer.kind,
        ms(layer.ms),
        `${ms(layer.low)}–${ms(layer.high)}`,
        `${((100 * layer.ms) / value.total.ms).toFixed(1)} %`,
      ]),
    ),
    '',
    `${value.model}: ${ms(value.total.ms)} ms (${ms(value.total.low)}–${ms(value.total.high)}), ${value.threads} thread(s), ${value.runtime}, ${value.machine}`,
    `Layers that are not listed are computed as part of another. Saved in ${path}${calm}`,
  ].join('\n')
}

function heldOut(measured: readonly Measured[], options: ProfileOptions, output: Output): void {
  const [byModel, byFamily] = [evaluate(measured, 'model'), evaluate(measured, 'family')]
  const predictor = fitPredictor(measured.flatMap(({ samples }) => samples)).save()
  result(output, options.json, { byModel, byFamily, predictor }, () =>
    [
      table(
        ['held-out model', '>measured ms', '>predicted', '>error', '>linear on configuration', '>error'],
        byModel.models.map(({ model, ms: real, predicted, baseline }) => [
          model,
          ms(real),
          ms(predicted),
          percent(Math.abs(predicted - real) / real),
          ms(baseline),
          percent(Math.abs(baseline - real) / real),
        ]),
      ),
      '',
      table(
        ['', '>total-time MAPE', '>layers R²', '>layers MAPE'],
        [
          [
            'one model held out',
            percent(byModel.totalError),
            byModel.layers.r2.toFixed(3),
            percent(byModel.layers.error),
          ],
          [
            'one family held out',
            percent(byFamily.totalError),
            byFamily.layers.r2.toFixed(3),
            percent(byFamily.layers.error),
          ],
          [
            'linear on configuration, one model held out',
            percent(byModel.baselineError),
            byModel.baselineLayers.r2.toFixed(3),
            percent(byModel.baselineLayers.error),
          ],
        ],
      ),
    ].join('\n'),
  )
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

async function draw(path: string, value: ModelProfile): Promise<void> {
  await plot(path, `${value.model}: milliseconds per layer`, {
    xAxis: { type: 'category', data: value.layers.map(({ name }) => name), axisLabel: { rotate: 60, fontSize: 10 } },
    yAxis: { type: 'value', name: 'ms' },
    series: [{ type: 'bar', data: value.layers.map((layer) => layer.ms), itemStyle: { color: '#5b8db8' } }],
  })
}
