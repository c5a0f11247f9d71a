import { type ParseArgsConfig, parseArgs } from 'node:util'
import { BadConfiguration, type Counts, QuintetError, type RunningDevice } from '../adapters/node/index.ts'

/**
 * Runs a program. What its user can do something about ends it with one sentence on standard error and exit code 1 (2
 * for a wrong command line); everything else is a fault of the program and keeps its stack.
 */
export async function program(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof QuintetError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = error instanceof BadConfiguration ? 2 : 1
  }
}

type Options = NonNullable<ParseArgsConfig['options']>
type Values<O extends Options> = ReturnType<
  typeof parseArgs<{ options: O; strict: true; allowPositionals: false }>
>['values']

/** The command line's options. @throws BadConfiguration one that is unknown, or has no value where it needs one */
export function commandLine<O extends Options>(options: O): Values<O> {
  try {
    return parseArgs({ options, strict: true as const, allowPositionals: false as const }).values
  } catch (cause) {
    const known = Object.keys(options).map((name) => `--${name}`)
    throw new BadConfiguration(`${(cause as Error).message.split(/[.\n]/)[0]}. Known are ${known.join(', ')}.`, {
      cause,
    })
  }
}

/** A number above 0 that an option was given. @throws BadConfiguration it is none */
export function positive(name: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new BadConfiguration(`--${name} takes a number above 0, not "${text}".`)
}

/** One of the words that an option takes. @throws BadConfiguration it is none of them */
export function oneOf<T extends string>(name: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw new BadConfiguration(`--${name} takes ${words.slice(0, -1).join(', ')} or ${words.at(-1)}, not "${text}".`)
}

/** Why messages of a run failed: each reason once, with how often. */
export class Complaints {
  readonly #reasons = new Map<string, number>()

  constructor(running: RunningDevice) {
    running.events.stream.subscribe((event) => {
      if (event.type !== 'settled' || event.item.kind !== 'failure') return
      const { message } = event.item.error
      this.#reasons.set(message, (this.#reasons.get(message) ?? 0) + 1)
    })
  }

  /** Says them on standard error, the most frequent first. A run without any result ends with exit code 1. */
  conclude({ results, failures }: Counts): void {
    const reasons = [...this.#reasons].sort(([, a], [, b]) => b - a)
    for (const [reason, times] of reasons.slice(0, 5)) process.stderr.write(`${times} failed: ${reason}\n`)
    if (reasons.length > 5) process.stderr.write(`and ${reasons.length - 5} other reasons\n`)
    if (results === 0 && failures > 0) process.exitCode = 1
  }
}
