import { env } from 'onnxruntime-node'
import type { Report, Subject } from './examine.ts'

/** What was tried, and what was left out. */
export interface Run {
  readonly reports: readonly Report[]
  /** Why a set is not among them. */
  readonly skipped: readonly string[]
  /** The command's arguments. */
  readonly called: readonly string[]
  /** Opsets in which models were generated. */
  readonly opsets: readonly number[]
  /** Models for which no time was left. */
  readonly unreached: readonly Subject[]
}

/** The page that says what was found, as Markdown. */
export function page({ reports, skipped, called, opsets, unreached }: Run): string {
  const sets = [...new Set(reports.map(({ set }) => set))]
  const off = reports.flatMap(({ set, name, off: all }) => all.map((one) => ({ ...one, model: `${set}: ${name}` })))
  const farthest = Math.max(0, ...reports.map(({ farthestAtAll }) => farthestAtAll))
  return [
    '# Cut conformance',
    '',
    `Written by \`npm run conformance:cuts${called.length > 0 ? ` -- ${called.join(' ')}` : ''}\`, ONNX runtime ${env.versions.node ?? ''}.`,
    'Every cut that is offered was made; head, then tail, ran on the model’s own inputs and on seeded ones, and their answers',
    'were compared with the whole’s: bit for bit at level `extended`, within 10⁻⁶ of the largest number at `all` (of float16 answers: 2⁻¹⁰, a step).',
    `Models were generated in opsets ${opsets.join(', ')}.`,
    ...skipped.map((reason) => `\nNot tried: ${reason}.`),
    ...[...new Set(unreached.map(({ set }) => set))].flatMap((set) => {
      const left = unreached.filter((one) => one.set === set).length
      return left > 0 ? [`\nNot reached in time: ${left} models of the set "${set}".`] : []
    }),
    '',
    ...table(
      ['set', 'models', 'with cuts', 'cuts', 'off', 'rounded at `all`', 'beside', 'inexact', 'untried'],
      sets.map((set) => {
        const own = reports.filter((one) => one.set === set)
        const sum = (of: (report: Report) => number): string => String(own.reduce((all, one) => all + of(one), 0))
        return [
          set,
          String(own.length),
          String(own.filter(({ cuts }) => cuts > 0).length),
          sum(({ cuts }) => cuts),
          sum((one) => new Set(one.off.map(({ cut }) => cut)).size),
          sum(({ roundedAtAll }) => roundedAtAll),
          ...['beside', 'inexact', 'untried'].map((why) => sum(({ refused }) => refused[why] ?? 0)),
        ]
      }),
    ),
    '',
    `At \`all\` the runtime lays out memory by what a graph holds and may sum up in another order; the farthest answer was ${farthest.toExponential(1)} away.`,
    'The last three columns count what is not offered: a cut beside it carries no more and parts nothing that the runtime',
    'computes as one; its parts are computed otherwise than the whole; or it could not be tried.',
    '',
    '## Models without a comparison',
    '',
    ...table(
      ['why', 'models', 'for example'],
      [...grouped(reports)].map(([why, names]) => [why, String(names.length), names.slice(0, 3).join(', ')]),
    ),
    '',
    '## Refused, by model',
    '',
    ...table(
      ['model', 'layers', 'cuts', 'beside', 'inexact', 'farthest', 'untried'],
      [...byIdiom(reports)].map(([name, own]) => {
        const sum = (of: (report: Report) => number): string => String(own.reduce((all, one) => all + of(one), 0))
        const largest = Math.max(0, ...own.map(({ inexactBy }) => inexactBy ?? 0))
        return [
          own.length > 1 ? `${name} (${own.length} opsets)` : name,
          sum(({ layers }) => layers),
          sum(({ cuts }) => cuts),
          sum(({ refused }) => refused.beside ?? 0),
          sum(({ refused }) => refused.inexact ?? 0),
          largest > 0 ? largest.toExponential(1) : '',
          sum(({ refused }) => refused.untried ?? 0),
        ]
      }),
    ),
    '',
    '## Off',
    '',
    ...(off.length === 0
      ? ['None.']
      : table(
          ['model', 'cut', 'level', 'what'],
          off.map(({ model, cut, level, reason }) => [model, cut, level, reason]),
        )),
    '',
  ].join('\n')
}

function grouped(reports: readonly Report[]): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const { unfit, name } of reports) {
    if (unfit === undefined) continue
    // The runtime's own words name the model and its nodes; the beginning says what kind it is.
    const why = unfit.replace(/^(cannot be (read|run)).*$/s, '$1 by this runtime')
    groups.set(why, [...(groups.get(why) ?? []), name])
  }
  return groups
}

/** Models with something refused; a generated one counts once for all its opsets. */
function byIdiom(reports: readonly Report[]): Map<string, Report[]> {
  const groups = new Map<string, Report[]>()
  for (const report of reports) {
    if (Object.keys(report.refused).length === 0) continue
    const name = report.name.replace(/, opset \d+$/, '')
    groups.set(name, [...(groups.get(name) ?? []), report])
  }
  return groups
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}
