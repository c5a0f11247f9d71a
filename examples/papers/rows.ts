/** A figure of a paper that nobody wrote down as a number: `recalled` from reading, or `digitised` from a plot. */
export type Mark = 'recalled' | 'digitised' | 'reproduced' | 'assumed'

/** One point of a published table, beside what comes out here. */
export interface Row {
  /** Paper and table: `PieSlicer: medians`. */
  readonly table: string
  /** Which point of it: `Nexus 5, campus, optimal p50 (ms)`. */
  readonly point: string
  /** What was published, null where nothing was. */
  readonly published: number | string | null
  readonly ours: number | string
  /** ours − published, null where either is no number. */
  readonly difference: number | null
  /** In words, empty for a figure that only informs: `within 5 %`, `≥ 0.98`. */
  readonly aim: string
  /** Whether ours meets the aim; true without one. */
  readonly holds: boolean
  /** 95 % bootstrap interval of ours over the seeds, where it was drawn. */
  readonly interval?: readonly [number, number]
  /** How the published figure is known, where not from a table or the authors' code. */
  readonly mark?: Mark
}

/** What a figure is held against. */
export type Aim =
  | { readonly atLeast: number }
  | { readonly atMost: number }
  /** As a share of what was published, 0.05: within 5 %. */
  | { readonly withinShare: number }
  /** As a distance from what was published, in its unit. */
  | { readonly within: number }
  | { readonly equal: true }

/** What may be said about a figure besides the figure. */
export interface RowOptions {
  readonly published?: number | string
  readonly aim?: Aim
  readonly interval?: readonly [number, number]
  readonly mark?: Mark
}

/** A row, its difference computed and its aim judged on the unrounded figure; figures are rounded to four digits behind the point. */
export function row(table: string, point: string, ours: number | string, options: RowOptions = {}): Row {
  const { published = null, aim, interval, mark } = options
  const numbers = typeof ours === 'number' && typeof published === 'number'
  return {
    table,
    point,
    published,
    ours: typeof ours === 'number' ? rounded(ours) : ours,
    difference: numbers ? rounded(ours - published) : null,
    aim: aim ? words(aim) : '',
    holds: aim ? meets(ours, published, aim) : true,
    ...(interval ? { interval: [rounded(interval[0]), rounded(interval[1])] as const } : {}),
    ...(mark ? { mark } : {}),
  }
}

function words(aim: Aim): string {
  if ('atLeast' in aim) return `≥ ${aim.atLeast}`
  if ('atMost' in aim) return `≤ ${aim.atMost}`
  if ('withinShare' in aim) return `within ${rounded(100 * aim.withinShare)} %`
  if ('within' in aim) return `within ${aim.within}`
  return 'equal'
}

/** A figure that is no number meets no bound, and what was not published cannot be met. */
function meets(ours: number | string, published: number | string | null, aim: Aim): boolean {
  if ('equal' in aim) return ours === published
  if (typeof ours !== 'number') return false
  if ('atLeast' in aim) return ours >= aim.atLeast
  if ('atMost' in aim) return ours <= aim.atMost
  if (typeof published !== 'number') return false
  const distance = Math.abs(ours - published)
  return distance <= ('withinShare' in aim ? aim.withinShare * Math.abs(published) : aim.within)
}

const rounded = (value: number) => Number(value.toFixed(4))
