import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { BadInput, VersionMismatch } from '../../pipeline/index.ts'
import { type LogEntry, parseEntry } from '../../stages/index.ts'

/** A line above so many bytes is none of ours. */
const longest = 4 * 2 ** 20
const chunk = 256 * 1024
const newline = 10

/** What was read so far. */
export interface ReadCounts {
  entries: number
  /** Lines that were no entries; the last one of a log may have been cut off. */
  damaged: number
  /** Entries that the log itself says it lost. */
  lost: number
}

/** A decision log that is being read, in batches. */
export interface DecisionReader extends AsyncIterable<readonly LogEntry[]> {
  readonly counts: Readonly<ReadCounts>
}

/**
 * Reads decision logs from their first entry to the last: of each path the older files first (`path.2`, `path.1`,
 * `path`). Damaged lines are counted and left out. Memory does not grow with the length.
 * @throws BadInput (from the iteration) no such file, or no entry in all of it · VersionMismatch
 */
export function readDecisions(paths: string | readonly string[]): DecisionReader {
  const counts: ReadCounts = { entries: 0, damaged: 0, lost: 0 }
  return { counts, [Symbol.asyncIterator]: () => read(typeof paths === 'string' ? [paths] : paths, counts) }
}

async function* read(paths: readonly string[], counts: ReadCounts): AsyncGenerator<readonly LogEntry[]> {
  for (const path of paths) {
    for (const file of await filesOf(path)) {
      for await (const lines of linesOf(file)) {
        const entries: LogEntry[] = []
        for (const line of lines) {
          if (line === '') continue
          const entry = parsed(line, file, counts)
          if (entry?.type === 'lost') counts.lost += entry.entries
          if (entry) entries.push(entry)
        }
        counts.entries += entries.length
        if (entries.length > 0) yield entries
      }
    }
  }
  if (counts.entries === 0) {
    throw new BadInput(`No decision is logged in ${paths.join(', ')}. Name what decisionLog() wrote.`)
  }
}

/** Oldest first. */
async function filesOf(path: string): Promise<string[]> {
  const files: string[] = []
  for (let file = path, age = 1; await exists(file); file = `${path}.${age++}`) files.unshift(file)
  if (files.length === 0) throw new BadInput(`There is no file ${path}. Check the path.`)
  return files
}

async function exists(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  // A pipe or a device could keep the reader waiting for ever.
  if (found && !found.isFile()) throw new BadInput(`${path} is not a file. Name a decision log.`)
  return found !== undefined
}

function parsed(line: string | undefined, file: string, counts: ReadCounts): LogEntry | undefined {
  try {
    // Some editors put a byte order mark before the first.
    if (line !== undefined) return parseEntry(line.startsWith('\ufeff') ? line.slice(1) : line)
  } catch (error) {
    if (error instanceof VersionMismatch) throw new VersionMismatch(`${file}: ${error.message}`, { cause: error })
    if (!(error instanceof BadInput)) throw error
  }
  counts.damaged++
  return undefined
}

/** The lines of a file, chunk by chunk; `undefined` for one that is too long. */
async function* linesOf(file: string): AsyncGenerator<(string | undefined)[]> {
  let rest: Buffer[] = []
  let held = 0
  let tooLong = false
  for await (const data of createReadStream(file, { highWaterMark: chunk }) as AsyncIterable<Buffer>) {
    const end = data.lastIndexOf(newline)
    if (end >= 0) {
      const whole = Buffer.concat([...rest, data.subarray(0, end)])
      const lines: (string | undefined)[] = whole.toString('utf8').split('\n')
      // The first of them began in an earlier chunk.
      if (tooLong) lines[0] = undefined
      yield lines
      rest = []
      held = 0
      tooLong = false
    }
    const tail = data.subarray(end + 1)
    held += tail.byteLength
    tooLong ||= held > longest
    if (tooLong) rest = []
    else if (tail.byteLength > 0) rest.push(tail)
  }
  if (tooLong) yield [undefined]
  else if (rest.length > 0) yield [Buffer.concat(rest).toString('utf8')]
}
