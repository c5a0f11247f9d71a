import Table from 'cli-table3'
import { QuintetError } from '../../pipeline/index.ts'

/** Where a command writes to: the terminal, or a test. */
export interface Output {
  /** Results. */
  write(text: string): void
  /** Remarks and errors. */
  note(text: string): void
}

/** The terminal. */
export const terminal: Output = {
  write: (text) => process.stdout.write(`${text}\n`),
  note: (text) => process.stderr.write(`${text}\n`),
}

/** A table without lines; columns named with a leading `>` are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const made = new Table({
    head: head.map((name) => name.replace(/^>/, '')),
    colAligns: head.map((name) => (name.startsWith('>') ? 'right' : 'left')),
    chars: {
      ...Object.fromEntries(
        ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right', 'left'].map(
          (part) => [part, ''],
        ),
      ),
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  made.push(...rows.map((row) => [...row]))
  return made.toString()
}

/** Writes a result: for programs as JSON, otherwise for people. */
export function result(output: Output, json: boolean | undefined, value: unknown, text: () => string): void {
  output.write(json ? JSON.stringify(value, null, 2) : text())
}

/** Writes what went wrong; programs get it as JSON, too. */
export function failure(output: Output, json: boolean | undefined, error: unknown): void {
  const known = error instanceof QuintetError || (error instanceof Error && error.name === 'CACError')
  const message = error instanceof Error ? error.message : String(error)
  if (json) {
    const code = error instanceof QuintetError ? error.code : known ? 'bad-configuration' : 'unexpected'
    output.write(
      JSON.stringify({ error: { name: error instanceof Error ? error.name : 'Error', code, message } }, null, 2),
    )
  } else output.note(known ? message : `${error instanceof Error ? error.stack : message}`)
}
