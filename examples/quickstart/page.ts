import { writeFile } from 'node:fs/promises'
import type { EChartsOption } from 'echarts'
import { drawn, escaped, htmlPage, htmlTable } from '../../adapters/plots/index.ts'
import type { Course, Seen } from './contest.ts'
import type { Phase } from './network.ts'
import { cells, heads, type Verdict } from './verdict.ts'

export interface Story {
  readonly courses: readonly Course[]
  readonly verdicts: readonly Verdict[]
  readonly phases: readonly Phase[]
  /** ms */
  readonly sla: number
}

/** Colours of where the wire was. */
const colours: Readonly<Record<string, string>> = {
  captured: '#3b76b8',
  prepared: '#58a55c',
  layer: '#b07cc6',
  answered: '#e8a33d',
}

const ends = {
  good: { name: 'right, in time', colour: '#58a55c' },
  wrong: { name: 'wrong, in time', colour: '#f2c14e' },
  late: { name: 'late', colour: '#d9534f' },
  none: { name: 'no answer', colour: '#8a8a8a' },
} as const

/** Writes one page that shows where the wire went, frame by frame, and how every policy fared. Needs no network. */
export async function writePage(path: string, story: Story): Promise<void> {
  const { courses, verdicts, sla } = story
  const title = 'Where does the wire go?'
  const deciders = courses.filter(({ policy }) => policy.decides)
  const body = [
    `<h1>${title}</h1>`,
    `<p>One camera, one cloud, and a phone for each policy, all behind their own copy of the same link; on time is within ${sla} ms. Phone, link and energy are emulated; pictures, models and messages are real.</p>`,
    htmlTable([heads, ...verdicts.map(cells)]),
    `<ul>${verdicts.map(({ policy, does }) => `<li><b>${escaped(policy)}</b>: ${escaped(does)}</li>`).join('')}</ul>`,
  ]
  for (const { policy, frames } of deciders) {
    body.push(await drawn(`${policy.name}: where the wire crossed`, wires(frames, story)))
  }
  body.push(await drawn('Every frame under every policy', strips(story), { height: 140 + 40 * courses.length }))
  await writeFile(path, htmlPage(title, body.join('\n')))
}

const seconds = (ms: number) => Number((ms / 1000).toFixed(3))

function areas(phases: readonly Phase[], end: number): NonNullable<unknown> {
  return {
    silent: true,
    label: { color: '#555', position: 'insideTop' },
    data: phases.map(({ name, from, to }, index) => [
      { name, xAxis: seconds(from), itemStyle: { color: index % 2 === 0 ? '#f7f7f7' : '#e9e9ee' } },
      { xAxis: seconds(Math.min(to, end)) },
    ]),
  }
}

const endOf = (story: Story) => Math.max(...story.courses.flatMap(({ frames }) => frames.map(({ at }) => at)), 1) + 200

function wires(frames: readonly Seen[], story: Story): EChartsOption {
  const top = 3 * story.sla
  const placeOf = ({ place = '' }: Seen) => (place.startsWith('after:') ? 'layer' : place)
  const names = Object.keys(colours).filter((place) => frames.some((frame) => placeOf(frame) === place))
  const series = names.map((place, index) => ({
    name: place,
    type: 'scatter' as const,
    itemStyle: { color: colours[place] as string },
    data: frames
      .filter((frame) => frame.end === 'answer' && placeOf(frame) === place)
      .map(({ at, latency = 0, right, backup }) => ({
        value: [seconds(at), Math.min(latency, top)],
        symbol: right ? (backup ? 'diamond' : 'circle') : 'triangle',
        symbolSize: backup ? 12 : 8,
      })),
    ...(index === 0
      ? {
          markArea: areas(story.phases, endOf(story)),
          markLine: { silent: true, symbol: 'none', data: [{ yAxis: story.sla, name: 'deadline' }] },
        }
      : {}),
  }))
  const unanswered = {
    name: ends.none.name,
    type: 'scatter' as const,
    symbol: 'rect',
    symbolSize: 7,
    itemStyle: { color: ends.none.colour },
    data: frames.filter(({ end }) => end !== 'answer').map(({ at }) => [seconds(at), top]),
  }
  return {
    legend: { top: 36 },
    xAxis: { type: 'value', name: 's', min: 0, max: seconds(endOf(story)) },
    yAxis: { type: 'value', name: 'ms to the answer', max: top },
    graphic: [
      {
        type: 'text',
        left: 'center',
        bottom: 40,
        style: {
          text: 'circle: right · triangle: wrong · diamond: the backup answered · at the top: that long or longer',
        },
      },
    ],
    series: [...series, unanswered],
  } as EChartsOption
}

function strips(story: Story): EChartsOption {
  const { courses } = story
  const endOfFrame = ({ end, onTime, right }: Seen): keyof typeof ends =>
    end !== 'answer' ? 'none' : !onTime ? 'late' : right ? 'good' : 'wrong'
  return {
    legend: { top: 36 },
    grid: { left: 120, right: 60, top: 70, bottom: 50 },
    xAxis: { type: 'value', name: 's', min: 0, max: seconds(endOf(story)) },
    yAxis: { type: 'category', inverse: true, data: courses.map(({ policy }) => policy.name) },
    series: (Object.keys(ends) as (keyof typeof ends)[]).map((kind, index) => ({
      name: ends[kind].name,
      type: 'scatter' as const,
      symbol: 'rect',
      symbolSize: [4, 22],
      itemStyle: { color: ends[kind].colour },
      data: courses.flatMap(({ policy, frames }) =>
        frames.filter((frame) => endOfFrame(frame) === kind).map(({ at }) => [seconds(at), policy.name]),
      ),
      ...(index === 0 ? { markArea: areas(story.phases, endOf(story)) } : {}),
    })),
  } as EChartsOption
}
