/** What became of a device's captures: in = results + failures + dropped. */
export interface Ledger {
  readonly in: number
  readonly results: number
  readonly failures: number
  readonly dropped: number
  /** Captures that were settled more than once. */
  readonly duplicated: number
  /** Failures by the code of their class. */
  readonly codes: Readonly<Record<string, number>>
}

/** What a row saw. */
export interface Seen {
  /** Of each device. */
  readonly ledgers: Readonly<Record<string, Ledger>>
  /** Other figures, by name with their unit. */
  readonly figures: Readonly<Record<string, number>>
  /** What did not hold, in words; empty: it passes. */
  readonly wrong: readonly string[]
}

/** One fault, played with real processes over a real server. */
export interface Row {
  readonly name: string
  run(): Promise<Seen>
}

/** What is wrong with every ledger that does not add up, or that says an answer was given twice. */
export function unbalanced(ledgers: Seen['ledgers']): string[] {
  return Object.entries(ledgers).flatMap(([name, { in: all, results, failures, dropped, duplicated }]) => [
    ...(all === results + failures + dropped ? [] : [`${name}: ${all} came in, ${results + failures + dropped} ended`]),
    ...(duplicated === 0 ? [] : [`${name}: ${duplicated} were settled twice`]),
  ])
}
