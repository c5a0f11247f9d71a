import { BadConfiguration, type Plan } from '../../pipeline/index.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'
import { chain, type Estimate, metrics, type ReplayedPolicy, replay } from '../../stages/index.ts'
import { catalogue } from '../catalogue/index.ts'
import { readDecisions } from '../files/index.ts'
import { type Output, result, table } from './output.ts'
import { policy, policyNames } from './policies.ts'
import { bytes, ms, whole } from './units.ts'

/** Options of `quintet replay`, as the command line gives them. */
export interface ReplayCommandOptions {
  readonly policy?: string | readonly string[]
  readonly models?: string
  readonly of?: string
  readonly seed?: unknown
  readonly json?: boolean
}

/** `quintet replay LOG… --policy X`: what another policy would have done, and what would have come of it. */
export async function replayCommand(
  paths: readonly string[],
  options: ReplayCommandOptions,
  output: Output,
): Promise<void> {
  const wanted = [options.policy ?? []].flat().map(String)
  if (wanted.length === 0) {
    throw new BadConfiguration(
      `Name a policy: --policy X, with X one of ${policyNames.join(', ')}, or several as place+select.`,
    )
  }
  const models = options.models === undefined ? undefined : catalogue(options.models, { missing: 'allow' })
  const random = seededRandom(whole(options.seed ?? 1, '--seed', { least: 0 }))
  const log = readDecisions(paths)
  const report = await replay(
    log,
    wanted.map((text) => chain(policy(text, { models, random }), text)),
    { random, ...(models ? { models } : {}), ...(options.of === undefined ? {} : { by: options.of }) },
  )
  const { entries, damaged, lost } = log.counts
  if (report.decisions === 0) {
    throw new BadConfiguration(
      options.of === undefined
        ? 'The log holds outcomes alone. Log with logged(), which writes the decisions, too.'
        : `The log holds no decision of "${options.of}". Leave --of out, or name whose it is.`,
    )
  }
  const value = {
    ...report,
    log: { entries, damaged, lost },
    policies: report.policies.map(({ error, ...one }) => ({
      ...one,
      ...(error === undefined ? {} : { error: String(error) }),
    })),
  }
  result(output, options.json, value, () =>
    [
      `${report.decisions} decisions of ${report.by}: ${report.unanswered} without an outcome, ${damaged} damaged lines, ${lost} entries lost`,
      ...report.policies.map((one) => `\n${text(one)}`),
      `\n${legend}`,
    ].join('\n'),
  )
}

function text(one: ReplayedPolicy): string {
  const { name, decisions, agreed, effective, heaviest, refused, faults, error } = one
  const percent = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`
  const shown = one.arms.slice(0, 10)
  return [
    `${name}: agrees in ${percent(agreed, decisions)} of ${decisions}`,
    ...(faults > 0 ? [`  threw ${faults} times, last: ${String(error)}`] : []),
    refused === undefined
      ? `  weighted: worth ${effective.toFixed(0)} decisions of its own, largest weight ${heaviest.toFixed(1)}`
      : `  not estimated by weights: ${refused}`,
    table(
      ['', '>logged', '>matched', '>IPS', '>self-normalised', '>doubly robust'],
      metrics.map((metric) => {
        const { logged, matched, ips, snips, dr } = one.metrics[metric]
        return [
          titles[metric],
          ...[logged, matched, ips, snips, dr].map((estimate) => interval(estimate, units[metric])),
        ]
      }),
    ),
    table(
      ['chooses', '>of all', '>as logged'],
      shown.map((arm) => [named(arm.choice), percent(arm.decisions, decisions), percent(arm.agreed, arm.decisions)]),
    ),
    ...(one.arms.length > shown.length ? [`  and ${one.arms.length - shown.length} more`] : []),
  ].join('\n')
}

const titles = { onTime: 'on time', latency: 'latency, ms', accuracy: 'right, on time', bytes: 'bytes up' } as const
const legend = [
  'logged: what was measured. matched: the same, where the log chose as the policy would. The others are estimates of what',
  'the policy would have had, by the chance of each logged choice; prefer the doubly robust one. [95 % interval]',
].join('\n')
/** By weights, a share may come out above 1: it says no more than 1 then. */
const share = (value: number) => `${(100 * Math.min(1, Math.max(0, value))).toFixed(1)} %`
const units = {
  onTime: share,
  latency: ms,
  accuracy: share,
  bytes: (value: number) => bytes(Math.max(0, value)),
} as const

const interval = (estimate: Estimate | undefined, unit: (value: number) => string) =>
  estimate === undefined ? '–' : `${unit(estimate.value)} [${unit(estimate.low)}, ${unit(estimate.high)}]`

const named = (choice: Plan) =>
  Object.entries(choice)
    .map(([field, value]) => `${field} ${value}`)
    .join(', ') || 'nothing'
