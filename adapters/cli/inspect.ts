import { basename } from 'node:path'
import { cuts, type LayerCut, type Model, readModel } from '../onnx/graph/index.ts'
import { type Output, result, table } from './output.ts'
import { plot } from './plots.ts'
import { timesOf } from './times.ts'
import { bytes, count, dimensions, ms } from './units.ts'

/** Options of `quintet inspect`, as the command line gives them. */
export interface InspectOptions {
  readonly dim?: unknown
  readonly tensors?: number
  readonly threads?: number
  readonly profile?: string
  readonly plot?: string
  readonly json?: boolean
}

/** `quintet inspect MODEL`: its layers, and where it can be cut. */
export async function inspect(path: string, options: InspectOptions, output: Output): Promise<void> {
  const model = await readModel(path, { dimensions: dimensions(options.dim) })
  const found = cuts(model, { tensors: options.tensors ?? 1 })
  const times = await timesOf(model, options.profile, options.threads ?? 1, output.note)
  if (options.plot !== undefined) await draw(options.plot, model, found, times.layers)
  const value = {
    model: basename(path),
    sha256: model.file.sha256,
    bytes: model.file.bytes + model.file.externalBytes,
    inputs: model.inputs,
    outputs: model.outputs,
    states: model.states.map(({ input, output: next }) => ({
      input: input.name,
      output: next.name,
      bytes: input.bytes,
    })),
    macs: model.layers.reduce((sum, layer) => sum + layer.macs, 0),
    parameters: model.layers.reduce((sum, layer) => sum + layer.parameters, 0),
    times: times.source,
    layers: model.layers.map((layer, index) => ({ ...layer, ms: times.layers[index] ?? 0 })),
    cuts: found.map(({ head, headStates, tailStates, ...cut }) => ({ ...cut, layers: head.length })),
  }
  result(output, options.json, value, () => text(model, found, times))
}

function text(model: Model, found: readonly LayerCut[], times: { layers: readonly number[]; source: string }): string {
  // A cut stands at the last layer that it is behind.
  const at = new Map<string, LayerCut>()
  for (const cut of found) at.set(cut.name.split('+').at(-1) ?? cut.name, cut)
  const rows = model.layers.map((layer, index) => {
    const cut = at.get(layer.name)
    return [
      String(index + 1),
      layer.label,
      layer.kind,
      (layer.outputs[0]?.shape ?? ['?']).join('×'),
      count(layer.macs),
      count(layer.parameters),
      bytes(layer.outputBytes),
      ms(times.layers[index] ?? 0),
      cut
        ? `${cut.envelope ? '★' : '✂'} ${bytes(cut.bytes)}${cut.crossing.length > 1 ? ` in ${cut.crossing.length}` : ''}`
        : '',
    ]
  })
  const total = model.layers.reduce((sum, layer) => sum + layer.macs, 0)
  const parameters = model.layers.reduce((sum, layer) => sum + layer.parameters, 0)
  const all = times.layers.reduce((sum, one) => sum + one, 0)
  const file = model.file.bytes + model.file.externalBytes
  return [
    table(['>', 'layer', 'kind', 'output', '>MACs', '>weights', '>bytes', '>ms', 'cut behind'], rows),
    '',
    `${model.layers.length} layers, ${count(total)} MACs, ${count(parameters)} weights, ${bytes(file)}, ${ms(all)} ms ${times.source}`,
    `${found.length} cuts (✂), ${found.filter(({ envelope }) => envelope).length} of them on the lower envelope (★)`,
  ].join('\n')
}

async function draw(path: string, model: Model, found: readonly LayerCut[], times: readonly number[]): Promise<void> {
  const at = new Map(found.map((cut) => [cut.name.split('+').at(-1), cut]))
  const sizes = model.layers.map((layer) => at.get(layer.name)?.bytes)
  await plot(path, `${basename(model.file.path)}: time of each layer, and bytes that cross behind it`, {
    legend: { top: 36, itemGap: 28 },
    xAxis: { type: 'category', data: model.layers.map(({ label }) => label), axisLabel: { rotate: 60, fontSize: 10 } },
    yAxis: [
      { type: 'value', name: 'ms' },
      { type: 'log', name: 'bytes', splitLine: { show: false } },
    ],
    series: [
      { name: 'time', type: 'bar', data: [...times], itemStyle: { color: '#9db8d9' } },
      {
        name: 'bytes at a cut',
        type: 'line',
        step: 'middle',
        yAxisIndex: 1,
        symbol: 'none',
        connectNulls: true,
        data: sizes.map((size) => size ?? null),
        itemStyle: { color: '#777777' },
      },
      {
        name: 'lower envelope',
        type: 'scatter',
        yAxisIndex: 1,
        data: model.layers.map((layer) => (at.get(layer.name)?.envelope ? (at.get(layer.name)?.bytes ?? null) : null)),
        itemStyle: { color: '#c0392b' },
      },
    ],
  })
}
