import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { z } from 'zod'
import {
  BadConfiguration,
  guardedFault,
  readOptions,
  systemClock,
  TransportClosed,
  within,
} from '../../pipeline/index.ts'
import { type DecisionSink, type LogEntry, logVersion } from '../../stages/index.ts'

const settings = z.strictObject({
  /** Bytes after which a new file is begun. Default 64 MiB. */
  maxBytes: z
    .number()
    .int()
    .min(1024)
    .default(64 * 2 ** 20),
  /** Files kept, the one that is written included; older ones are removed. Default 8. */
  files: z.number().int().min(1).max(1000).default(8),
  /** Bytes that may wait for the disk; entries above are lost, and counted. Default 4 MiB. */
  buffer: z
    .number()
    .int()
    .min(1024)
    .default(4 * 2 ** 20),
})

export interface DecisionLogOptions extends z.input<typeof settings> {
  /** Hears that the disk refused entries. Default: one warning line. */
  readonly onFault?: (error: Error) => void
}

/** A file to which decisions are logged. */
export interface DecisionLog extends DecisionSink {
  /** Entries on the disk, and entries that were lost: over the buffer, refused by the disk, or written after `close`. */
  readonly counts: { readonly written: number; readonly lost: number }
  /** Writes what waits, at most `within` ms (default 10,000), and closes the file. Idempotent. */
  close(within?: number): Promise<void>
}

/**
 * Opens a decision log: one JSON entry a line, appended to `path`. A full file becomes `path.1`, the one before `path.2`,
 * and so on.
 * @throws BadConfiguration a bad option, or the file cannot be written
 */
export async function decisionLog(path: string, options: DecisionLogOptions = {}): Promise<DecisionLog> {
  const { onFault, ...plain } = options
  const log = new FileLog(path, readOptions(settings, plain, 'decisionLog()'), guardedFault(onFault))
  try {
    await log.open()
  } catch (cause) {
    throw new BadConfiguration(
      `${path} cannot be written: ${(cause as Error).message}. Check the folder and its rights.`,
      { cause },
    )
  }
  return log
}

class FileLog implements DecisionLog {
  readonly counts = { written: 0, lost: 0 }
  readonly #path: string
  readonly #options: z.output<typeof settings>
  readonly #fault: (error: Error) => void
  #file: FileHandle | undefined
  /** Bytes in the file. */
  #size = 0
  /** The file may end within a line: a process or a disk gave up there. */
  #torn = false
  #waiting: Buffer[] = []
  #waitingBytes = 0
  /** Lost entries that the log says itself. */
  #told = 0
  #writing: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(path: string, options: z.output<typeof settings>, fault: (error: Error) => void) {
    this.#path = path
    this.#options = options
    this.#fault = fault
  }

  async open(): Promise<FileHandle> {
    const file = await open(this.#path, 'a+')
    this.#file = file
    this.#size = (await file.stat()).size
    const last = Buffer.alloc(1)
    if (this.#size > 0) await file.read(last, 0, 1, this.#size - 1)
    this.#torn = this.#size > 0 && last.toString() !== '\n'
    return file
  }

  write(entry: LogEntry): void {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`)
    if (this.#closed || this.#waitingBytes + line.byteLength > this.#options.buffer) {
      this.counts.lost++
      return
    }
    this.#wait(line)
    this.#writing ??= this.#write()
  }

  close(ms = 10_000): Promise<void> {
    this.#closed ??= this.#close(ms)
    return this.#closed
  }

  #wait(line: Buffer): void {
    this.#waiting.push(line)
    this.#waitingBytes += line.byteLength
  }

  async #close(ms: number): Promise<void> {
    const inTime = await within(this.#writing ?? Promise.resolve(), ms, systemClock)
    const { lost } = this.counts
    if (!inTime) this.#fault(new TransportClosed(`${this.#path} did not take its last entries within ${ms} ms.`))
    else if (lost > this.#told) await this.#write()
    await this.#file?.close()
  }

  async #write(): Promise<void> {
    do {
      const lines = this.#waiting
      const { lost } = this.counts
      this.#waiting = []
      const batch = this.#torn ? [Buffer.from('\n'), ...lines] : [...lines]
      if (lost > this.#told) batch.push(lostEntries(lost - this.#told))
      const bytes = Buffer.concat(batch)
      try {
        await this.#rotate(bytes.byteLength)
        const file = this.#file ?? (await this.open())
        await file.appendFile(bytes)
        this.#size += bytes.byteLength
        this.#torn = false
        this.counts.written += lines.length
        this.#told = lost
      } catch (error) {
        this.#torn = true
        this.counts.lost += lines.length
        this.#fault(error as Error)
      }
      for (const line of lines) this.#waitingBytes -= line.byteLength
    } while (this.#waiting.length > 0)
    this.#writing = undefined
  }

  async #rotate(bytes: number): Promise<void> {
    const { maxBytes, files } = this.#options
    if (this.#size === 0 || this.#size + bytes <= maxBytes) return
    await this.#file?.close()
    this.#file = undefined
    await rm(older(this.#path, files - 1), { force: true })
    for (let age = files - 2; age >= 0; age--) {
      await rename(older(this.#path, age), older(this.#path, age + 1)).catch(ignoreAbsent)
    }
    await this.open()
  }
}

/** The file that is so many files older than the one being written. */
const older = (path: string, age: number) => (age === 0 ? path : `${path}.${age}`)

const lostEntries = (entries: number) =>
  Buffer.from(`${JSON.stringify({ version: logVersion, type: 'lost', entries } satisfies LogEntry)}\n`)

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
