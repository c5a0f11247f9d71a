import Table from 'cli-table3'
import { quantile } from 'simple-statistics'
import type { Answer, Counts } from '../adapters/node/index.ts'

/** The five steps in the order of the chain, and what each is. */
const steps = {
  capture: 'picture at hand',
  device: 'on-device preprocess',
  transfer: 'the wire',
  cloud: 'in-cloud preprocess',
  execute: 'queue, load, run',
} as const

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** What a run gave, as plain JSON. Times in milliseconds. */
export interface Report {
  /** Correct answers among the messages that came in; failed and dropped ones are wrong. */
  readonly accuracy: number
  readonly messages: Counts
  readonly steps: Readonly<Record<keyof typeof steps, Percentiles>>
  /** Capture to answer. */
  readonly latency: Percentiles
  /** Payload bytes that crossed the wire. */
  readonly bytesSent: number
  /** Answers by where on the chain the wire was; `answered`: not crossed at all. */
  readonly placements: Readonly<Record<string, number>>
}

/** @param truth the right label of a message, by its id */
export function report(answers: readonly Answer[], counts: Counts, truth: (id: string) => string | undefined): Report {
  const correct = answers.filter((answer) => answer.label === truth(answer.id)).length
  const placements: Record<string, number> = {}
  for (const { place } of answers) placements[place] = (placements[place] ?? 0) + 1
  const names = Object.keys(steps) as (keyof typeof steps)[]
  return {
    accuracy: counts.in === 0 ? 0 : round(correct / counts.in, 4),
    messages: counts,
    steps: Object.fromEntries(
      names.map((step) => [step, percentiles(answers.map((answer) => answer.timings[step] ?? 0))]),
    ) as Report['steps'],
    latency: percentiles(answers.map((answer) => answer.latency)),
    bytesSent: answers.reduce((sum, answer) => sum + answer.bytes, 0),
    placements,
  }
}

/** The report as a table for people. */
export function table(of: Report): string {
  const times = new Table({
    head: ['step', '', 'p50 ms', 'p95 ms', 'p99 ms'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'right', 'right', 'right'],
  })
  const row = (name: string, what: string, { p50, p95, p99 }: Percentiles) =>
    times.push([name, what, ...[p50, p95, p99].map((ms) => ms.toFixed(1))])
  for (const [step, what] of Object.entries(steps)) row(step, what, of.steps[step as keyof typeof steps])
  row('latency', 'capture to answer', of.latency)
  const { messages, placements } = of
  const places = Object.entries(placements).map(([place, count]) => `${place} ${count}`)
  return [
    times.toString(),
    `accuracy    ${(100 * of.accuracy).toFixed(1)} %`,
    `bytes sent  ${of.bytesSent.toLocaleString('en')}`,
    `wire at     ${places.join(', ') || '(no answer)'}`,
    `messages    ${messages.in} in = ${messages.results} results + ${messages.failures} failures + ${messages.dropped} dropped`,
  ].join('\n')
}

function percentiles(values: readonly number[]): Percentiles {
  if (values.length === 0) return { p50: 0, p95: 0, p99: 0 }
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((p) => round(quantile([...values], p), 3)) as [number, number, number]
  return { p50, p95, p99 }
}

const round = (value: number, digits: number) => Number(value.toFixed(digits))
