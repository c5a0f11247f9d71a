import Table from 'cli-table3'
import { BadConfiguration, QuintetError } from '../../pipeline/index.ts'

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

/** What the system refused, as an error with a sentence of its own. */
function named(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof QuintetError) return error
  const { code = '', path, syscall } = error as NodeJS.ErrnoException
  const reason = refusals[code]
  if (reason === undefined || syscall === undefined) return error
  return new BadConfiguration(`${path === undefined ? 'A file' : `"${path}"`} ${reason} (${code}).`, { cause: error })
}

const refusals: Readonly<Record<string, string>> = {
  EACCES: 'may not be read or written by this user. Change its rights, or name another',
  EEXIST: 'is there already, as something else. Name another',
  EISDIR: 'is a folder. Name a file',
  ELOOP: 'is a link to itself. Name another',
  EMFILE: 'cannot be opened beside so many others. Raise the limit of open files',
  ENAMETOOLONG: 'is too long a name for this file system. Name a shorter one',
  ENOENT: 'does not exist. Name one that does',
  ENOSPC: 'has no room: the disk is full. Make room, or name another place',
  ENOTDIR: 'lies below something that is no folder. Name another',
  EPERM: 'may not be changed by this user. Change its rights, or name another',
  EROFS: 'lies on a file system that cannot be written. Name another',
}

/** Writes what went wrong; programs get it as JSON, too. */
export function failure(output: Output, json: boolean | undefined, thrown: unknown): void {
  const error = named(thrown)
  const known = error instanceof QuintetError || (error instanceof Error && error.name === 'CACError')
  const message = error instanceof Error ? error.message : String(error)
  if (json) {
    const code = error instanceof QuintetError ? error.code : known ? 'bad-configuration' : 'unexpected'
    output.write(
      JSON.stringify({ error: { name: error instanceof Error ? error.name : 'Error', code, message } }, null, 2),
    )
  } else output.note(known ? message : `${error instanceof Error ? error.stack : message}`)
}
