import { basename } from 'node:path'
import {
  because,
  type Cuts,
  examineCuts,
  type LayerCut,
  type Model,
  type RefusedCut,
  readModel,
  sumOf,
  type TensorInfo,
} from '../onnx/graph/index.ts'
import { type Output, result, table } from './output.ts'
import { plot } from './plots.ts'
import { timesOf } from './times.ts'
import { bytes, count, dimensions, ms, shapeOf, states, whole } from './units.ts'

/** Options of `quintet inspect`, as the command line gives them. */
export interface InspectOptions {
  readonly dim?: unknown
  readonly state?: unknown
  readonly tensors?: number
  readonly threads?: number
  readonly profile?: string
  readonly plot?: string
  readonly json?: boolean
}

/** `quintet inspect MODEL`: its layers, and where it can be cut. */
export async function inspect(path: string, options: InspectOptions, output: Output): Promise<void> {
  const tensors = whole(options.tensors ?? 1, '--tensors', { most: 8 })
  const threads = whole(options.threads ?? 1, '--threads')
  const model = await readModel(path, { dimensions: dimensions(options.dim), states: states(options.state) })
  const { exact: found, refused } = await examineCuts(model, { tensors, verify: false })
  const times = await timesOf(model, options.profile, threads, output.note)
  if (options.plot !== undefined) await draw(options.plot, model, found, times.layers)
  const value = {
    model: basename(path),
    sha256: model.file.sha256,
    bytes: model.file.bytes + model.file.externalBytes,
    inputs: model.inputs.map(tensor),
    outputs: model.outputs.map(tensor),
    states: model.states.map(({ input, output: next }) => ({
      input: input.name,
      output: next.name,
      bytes: input.bytes ?? null,
    })),
    ambiguousStates: model.ambiguousStates,
    // null: the layers named beside it have work that is not known without a run.
    macs: sumOf(model.layers.map(({ macs }) => macs)) ?? null,
    unknownMacs: model.layers.filter(({ macs }) => macs === undefined).map(({ name }) => name),
    parameters: model.layers.reduce((sum, layer) => sum + layer.parameters, 0),
    times: times.source,
    layers: model.layers.map((layer, index) => ({
      ...layer,
      inputs: layer.inputs.map(tensor),
      outputs: layer.outputs.map(tensor),
      macs: layer.macs ?? null,
      inputBytes: layer.inputBytes ?? null,
      outputBytes: layer.outputBytes ?? null,
      ms: times.layers[index] ?? 0,
    })),
    complete: found.complete,
    cuts: found.map(({ head, headStates, tailStates, ...cut }) => ({ ...cut, layers: head.length })),
  }
  result(output, options.json, value, () => text(model, found, refused, times))
}

/** What is not known is said to be: it does not just go missing. */
function tensor({ shape, bytes: size, ...one }: TensorInfo): object {
  return { ...one, shape: shape ?? null, bytes: size ?? null }
}

function text(
  model: Model,
  found: Cuts,
  refused: readonly RefusedCut[],
  times: { layers: readonly number[]; source: string },
): string {
  const [first] = refused
  // A cut stands at the last layer that it is behind.
  const at = new Map<string, LayerCut>()
  for (const cut of found) at.set(cut.name.split('+').at(-1) ?? cut.name, cut)
  const hasLabels = model.layers.some(({ name, label }) => name !== label)
  const rows = model.layers.map((layer, index) => {
    const cut = at.get(layer.name)
    return [
      String(index + 1),
      layer.name,
      ...(hasLabels ? [layer.label === layer.name ? '' : layer.label] : []),
      layer.kind,
      shapeOf(layer.outputs[0]?.shape),
      count(layer.macs),
      count(layer.parameters),
      bytes(layer.outputBytes),
      ms(times.layers[index] ?? 0),
      cut
        ? `${cut.envelope ? '★' : '✂'} ${bytes(cut.bytes)}${cut.crossing.length > 1 ? ` in ${cut.crossing.length}` : ''}`
        : '',
    ]
  })
  const total = model.layers.reduce((sum, { macs = 0 }) => sum + macs, 0)
  const open = model.layers.filter(({ macs }) => macs === undefined).length
  const shapeless = model.layers.filter(({ outputs }) => outputs.some(({ shape }) => shape === undefined)).length
  const parameters = model.layers.reduce((sum, layer) => sum + layer.parameters, 0)
  const all = times.layers.reduce((sum, one) => sum + one, 0)
  const file = model.file.bytes + model.file.externalBytes
  return [
    table(
      [
        '>',
        'layer',
        ...(hasLabels ? ['known as'] : []),
        'kind',
        'output',
        '>MACs',
        '>weights',
        '>bytes',
        '>ms',
        'cut behind',
      ],
      rows,
    ),
    '',
    `${model.layers.length} layers, ${open > 0 ? 'at least ' : ''}${count(total) || '0'} MACs${open > 0 ? ` (unknown of ${open} layers)` : ''}, ${count(parameters)} weights, ${bytes(file)}, ${ms(all)} ms ${times.source}`,
    `${found.length} cuts (✂), ${found.filter(({ envelope }) => envelope).length} of them on the lower envelope (★)`,
    ...(found.length === 0 && first ? [`No cut is offered: ${because(first.refusal)}.`] : []),
    ...(found.complete ? [] : ['The search for cuts ended at its limit: there may be more. Let fewer tensors cross.']),
    ...(shapeless > 0
      ? [
          `${shapeless} layers have outputs (?) whose shape is only known in a run: "quintet cuts" and "quintet split" make one.`,
        ]
      : []),
    ...model.states.map(({ input, output: next }) => `state  ${input.name} → ${next.name}  ${bytes(input.bytes)}`),
    ...model.ambiguousStates.map(
      ({ input, outputs }) =>
        `"${input}" may be a state, followed by ${outputs.map((name) => `"${name}"`).join(' or ')}: if so, say --state ${input}=${outputs[0]}`,
    ),
  ].join('\n')
}

async function draw(path: string, model: Model, found: readonly LayerCut[], times: readonly number[]): Promise<void> {
  const at = new Map(found.map((cut) => [cut.name.split('+').at(-1), cut]))
  const sizes = model.layers.map((layer) => at.get(layer.name)?.bytes)
  await plot(path, `${basename(model.file.path)}: time of each layer, and bytes that cross behind it`, {
    legend: { top: 36, itemGap: 28 },
    xAxis: { type: 'category', data: model.layers.map(({ name }) => name), axisLabel: { rotate: 60, fontSize: 10 } },
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
