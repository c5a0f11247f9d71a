import type { EChartsOption } from 'echarts'
import type { Row } from './rows.ts'

/** What a run may cost. */
export interface Effort {
  /** Paired seeds. */
  readonly seeds: number
  /** Less of everything: for a look, not for a judgement. */
  readonly quick: boolean
  /** The folder of recorded traces and measurements; undefined: none, what needs it is left out with a remark. */
  readonly assets: string | undefined
}

/** A picture of a report. */
export interface Plot {
  readonly title: string
  readonly option: EChartsOption
}

/** What came out of one paper. */
export interface Findings {
  readonly rows: readonly Row[]
  readonly plots: readonly Plot[]
  /** What a reader must know: what was assumed, what was left out. */
  readonly remarks: readonly string[]
}

/** A paper whose tables are computed again. */
export interface Paper {
  readonly title: string
  run(effort: Effort): Promise<Findings> | Findings
}

/** Messages at the begin of each run that are reported apart. */
export const warmUp = 200
