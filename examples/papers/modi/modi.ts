import { mean } from 'simple-statistics'
import type { Effort, Findings, Plot } from '../paper.ts'
import { costs, networks, type Phone, phones } from '../pieslicer/index.ts'
import { type Row, type RowOptions, row } from '../rows.ts'
import { overBlocks } from '../statistics.ts'
import { edge, figures, published } from './data.ts'
import { type Answered, type PhoneTrace, readPhoneTrace } from './trace.ts'

/** Neighbouring pictures that are drawn together when an interval is drawn: the trace was recorded in one go. */
const block = 20
const thresholds = [0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999]

/** MODI's variants on a real phone, edge against device over networks, and cascades on the phone. */
export async function modi({ assets }: Effort): Promise<Findings> {
  const rows = ofEdge()
  if (assets === undefined) {
    return {
      rows,
      plots: [],
      remarks: ['The phone’s own measurements are not here (QUINTET_ASSETS): variants and cascades are left out.'],
    }
  }
  const trace = await readPhoneTrace(assets)
  return {
    rows: [...rows, ...ofVariants(trace), ...ofCascades(trace)],
    plots: [cascadePlot(trace)],
    remarks: [
      `${trace.size} variants × 367 pictures on one phone, run times without loading; intervals by blocks of ${block} pictures.`,
      'Every cascade asks its second model for what the first is less sure of than its threshold; both run one after the other.',
      'Edge: PieSlicer’s lines for the transfer of a prepared picture, MDInference’s zoo on a c5 for the run; MODI names neither.',
    ],
  }
}

/** InceptionV3 on the edge, over PieSlicer's phones and networks, beside the loaded phone. */
function ofEdge(): Row[] {
  const rows: Row[] = []
  for (const network of networks)
    for (const [phone, { name }] of Object.entries(phones) as [Phone, { name: string }][]) {
      const ms = costs(phone, network, edge.sentBytes).remote + edge.run
      const at = `${name}, ${network}`
      rows.push(
        row('MODI: InceptionV3, edge or device', `${at}: edge (ms)`, ms, { published: published.edge }),
        row('MODI: InceptionV3, edge or device', `${at}: edge ÷ loaded Pixel 2`, ms / published.pixel2Loaded),
      )
    }
  return rows
}

function ofVariants(trace: PhoneTrace): Row[] {
  const rows: Row[] = []
  for (const [model, answered] of trace) {
    const known = figures[model]
    const add = (what: string, values: readonly number[], options: RowOptions) => {
      const { value, interval } = overBlocks(values, block)
      rows.push(row('MODI: variants on a phone', `${model}: ${what}`, value, { ...options, interval }))
    }
    add(
      'run (ms)',
      answered.map(({ run }) => run),
      known ? { published: known.run, aim: { within: 0.5 }, mark: 'reproduced' } : {},
    )
    add(
      'load (ms)',
      answered.map(({ load }) => load),
      {},
    )
    add(
      'accuracy',
      answered.map(({ right }) => (right ? 1 : 0)),
      known ? { published: known.accuracy, aim: { within: 0.0005 }, mark: 'reproduced' } : {},
    )
  }
  rows.push(
    row(
      'MODI: variants on a phone',
      'some variant is right (share)',
      mean(Array.from({ length: 367 }, (_, i) => ([...trace.values()].some((said) => said[i]?.right) ? 1 : 0))),
    ),
  )
  return rows
}

/** A small model first; a large one where it is not sure. */
function cascade(small: readonly Answered[], large: readonly Answered[], accept: number) {
  const run: number[] = []
  const right: number[] = []
  for (const [i, first] of small.entries()) {
    const second = large[i] as Answered
    const enough = first.confidence >= accept
    run.push(enough ? first.run : first.run + second.run)
    right.push((enough ? first.right : second.right) ? 1 : 0)
  }
  return { run, right }
}

const large = 'inception_v3'
const firsts = ['mobilenet_0.25_128', 'mobilenet_0.50_224', 'mobilenet_1.0_224']

function ofCascades(trace: PhoneTrace): Row[] {
  const rows: Row[] = []
  const second = trace.get(large) ?? []
  for (const first of firsts)
    for (const accept of thresholds) {
      const { run, right } = cascade(trace.get(first) ?? [], second, accept)
      const known = first === firsts[0] && accept === 0.99 ? published.cascade : undefined
      const [ms, share] = [overBlocks(run, block), overBlocks(right, block)]
      const at = `${first}, then ${large} below ${accept}`
      rows.push(
        row('MODI: cascades on a phone', `${at}: run (ms)`, ms.value, {
          interval: ms.interval,
          ...(known ? { published: known.run, aim: { withinShare: 0.01 }, mark: 'reproduced' as const } : {}),
        }),
        row('MODI: cascades on a phone', `${at}: accuracy`, share.value, {
          interval: share.interval,
          ...(known ? { published: known.accuracy, aim: { within: 0.001 }, mark: 'reproduced' as const } : {}),
        }),
      )
    }
  return rows
}

function cascadePlot(trace: PhoneTrace): Plot {
  const point = ({ run, right }: { run: readonly number[]; right: readonly number[] }) => [
    Math.round(mean([...run])),
    Number(mean([...right]).toFixed(4)),
  ]
  const alone = [...trace].map(([, said]) =>
    point({ run: said.map(({ run }) => run), right: said.map((a) => (a.right ? 1 : 0)) }),
  )
  return {
    title: 'A phone: variants alone, and cascades ending in InceptionV3',
    option: {
      legend: { top: 34 },
      xAxis: { type: 'value', name: 'ms' },
      yAxis: { type: 'value', name: 'accuracy', min: 0.7, max: 0.92 },
      series: [
        { name: 'one variant', type: 'scatter', data: alone },
        ...firsts.map((first) => ({
          name: `${first}, then ${large}`,
          type: 'line' as const,
          data: thresholds.map((accept) => point(cascade(trace.get(first) ?? [], trace.get(large) ?? [], accept))),
        })),
      ],
    },
  }
}
