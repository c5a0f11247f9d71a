import { basename } from 'node:path'
import { BadConfiguration } from '../../pipeline/index.ts'
import { type Model, readModel } from '../onnx/graph/index.ts'
import { loadProfile, onDevice } from '../onnx/profile/index.ts'
import { type Output, result, table } from './output.ts'
import { best, type Choice, choices, type Link, over, type Planned, rates, sweep, writings } from './planning.ts'
import { plot } from './plots.ts'
import { type Times, timesOf } from './times.ts'
import { bytes, dimensions, megabits, milliseconds, ms, states, whole } from './units.ts'

/** Options of `quintet plan`, as the command line gives them. */
export interface PlanOptions {
  readonly uplink?: string | number
  readonly rtt?: string | number
  readonly device?: string
  readonly cloud?: string
  readonly encoding?: string
  readonly inputBytes?: number
  readonly profile?: string
  readonly threads?: number
  readonly dim?: unknown
  readonly state?: unknown
  readonly sweep?: boolean
  readonly plot?: string
  readonly json?: boolean
}

/** `quintet plan MODEL`: what each cut would take, or which one wins at which bandwidth. */
export async function plan(path: string, options: PlanOptions, output: Output): Promise<void> {
  const link: Link = {
    uplink: megabits(String(options.uplink ?? '5mbps')),
    rtt: milliseconds(String(options.rtt ?? '60ms')),
  }
  const writing = options.encoding ?? 'float32'
  if (!(writing in writings)) {
    throw new BadConfiguration(
      `No encoding "${writing}" can be planned with. Use one of ${Object.keys(writings).join(', ')}.`,
    )
  }
  const inputBytes =
    options.inputBytes === undefined ? undefined : whole(options.inputBytes, '--input-bytes', { least: 0 })
  const threads = whole(options.threads ?? 1, '--threads')
  const model = await readModel(path, { dimensions: dimensions(options.dim), states: states(options.state) })
  const times = await timesOf(model, options.profile, threads, output.note)
  const all = await choices({
    model,
    device: await at(options.device ?? 'pixel2-cpu', model, times),
    cloud: await at(options.cloud ?? 'this', model, times),
    writing: writing as keyof typeof writings,
    inputBytes,
  })
  const about = {
    model: basename(path),
    device: options.device ?? 'pixel2-cpu',
    cloud: options.cloud ?? 'this',
    encoding: writing,
    times: times.source,
  }
  if (options.sweep) await showSweep(about, link, all, options, output)
  else await showPlan(about, link, all, options, output)
}

type About = Readonly<Record<'model' | 'device' | 'cloud' | 'encoding' | 'times', string>>

async function at(device: string, model: Model, times: Times): Promise<readonly number[]> {
  if (device.endsWith('.json')) return (await loadProfile(device, model)).layers.map(({ ms: one }) => one)
  return onDevice(
    device,
    model.layers.map((layer, index) => ({ ms: times.layers[index] ?? 0, macs: layer.macs ?? 0 })),
  )
}

async function showPlan(
  about: About,
  link: Link,
  all: readonly Choice[],
  options: PlanOptions,
  output: Output,
): Promise<void> {
  const planned = over(link, all)
  const winner = best(planned)
  const title = `${about.model}: ${about.device} → ${about.cloud}, ${link.uplink} Mbit/s up, ${link.rtt} ms round trip`
  if (options.plot !== undefined) await drawPlan(options.plot, title, planned, winner)
  result(output, options.json, { ...about, link, best: winner, choices: planned }, () =>
    [
      `${title} (times ${about.times})`,
      '',
      table(
        ['', 'wire behind', '>bytes', '>device', '>transfer', '>cloud', '>total ms'],
        planned.map((one) => [
          one.name === winner?.name ? '▶' : one.envelope ? '★' : '',
          one.name,
          bytes(one.bytes),
          ms(one.device),
          ms(one.transfer),
          ms(one.cloud),
          ms(one.total),
        ]),
      ),
      '',
      winner ? `▶ ${winner.name}: ${ms(winner.total)} ms` : '',
    ].join('\n'),
  )
}

async function showSweep(
  about: About,
  link: Link,
  all: readonly Choice[],
  options: PlanOptions,
  output: Output,
): Promise<void> {
  const steps = rates()
  const ranges = sweep(link, all, steps)
  const title = `${about.model}: ${about.device} → ${about.cloud}, ${link.rtt} ms round trip, by bandwidth`
  if (options.plot !== undefined)
    await drawSweep(
      options.plot,
      title,
      link,
      ranges.map(({ choice }) => choice),
      steps,
    )
  const value = {
    ...about,
    rtt: link.rtt,
    ranges: ranges.map(({ from, to, choice }) => ({
      from,
      to,
      name: choice.name,
      label: choice.label,
      bytes: choice.bytes,
    })),
  }
  result(output, options.json, value, () =>
    [
      `${title} (times ${about.times})`,
      '',
      table(
        ['>from Mbit/s', '>to', 'wire behind', '>bytes', '>total ms at from', '>at to'],
        ranges.map(({ from, to, choice }) => [
          from.toFixed(2),
          to.toFixed(2),
          choice.name,
          bytes(choice.bytes),
          ...[from, to].map((uplink) => ms(over({ ...link, uplink }, [choice])[0]?.total ?? 0)),
        ]),
      ),
    ].join('\n'),
  )
}

async function drawPlan(
  path: string,
  title: string,
  planned: readonly Planned[],
  winner: Planned | undefined,
): Promise<void> {
  const part = (name: 'device' | 'transfer' | 'cloud', color: string) => ({
    name,
    type: 'bar' as const,
    stack: 'total',
    data: planned.map((one) => one[name]),
    itemStyle: { color },
  })
  await plot(path, title, {
    legend: { top: 36, itemGap: 28 },
    xAxis: {
      type: 'category',
      data: planned.map(({ name }) => (name === winner?.name ? `▶ ${name}` : name)),
      axisLabel: { rotate: 60, fontSize: 10 },
    },
    yAxis: { type: 'value', name: 'ms' },
    series: [part('device', '#e0a458'), part('transfer', '#9aa5b1'), part('cloud', '#5b8db8')],
  })
}

async function drawSweep(
  path: string,
  title: string,
  link: Link,
  winners: readonly Choice[],
  steps: readonly number[],
): Promise<void> {
  const shown = [...new Map(winners.map((choice) => [choice.name, choice])).values()]
  await plot(path, title, {
    legend: { top: 36, itemGap: 28 },
    xAxis: {
      type: 'log',
      name: 'Mbit/s',
      nameLocation: 'middle',
      nameGap: 30,
      min: steps[0] ?? 0.1,
      max: steps.at(-1) ?? 1000,
    },
    yAxis: { type: 'log', name: 'ms' },
    series: shown.map((choice) => ({
      name: choice.label,
      type: 'line',
      symbol: 'none',
      data: steps.map((uplink) => [uplink, over({ ...link, uplink }, [choice])[0]?.total ?? 0]),
    })),
  })
}
