import {
  type Clock,
  type Directory,
  type Events,
  pauseAfter,
  type Timer,
  type Transport,
} from '../../../pipeline/index.ts'
import { type NodeRecord, packRecord, recordKey } from './record.ts'

export interface RecordKeeperOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly events: Events
  /** Milliseconds between two records. */
  readonly every: number
  readonly record: () => NodeRecord
}

/**
 * Keeps a node's record in the directory up to date. Where there is no directory, or it fails, that is told once and
 * tried again; nobody waits for it.
 */
export class RecordKeeper {
  readonly #options: RecordKeeperOptions
  #directory: Directory | undefined
  #timer: Timer | undefined
  #key: string | undefined
  #writing: Promise<void> | undefined
  /** In a row. */
  #failures = 0
  #closed = false

  constructor(options: RecordKeeperOptions) {
    this.#options = options
  }

  /** Writes from now on. */
  open(): void {
    if (this.#options.transport.directory !== undefined) this.#write()
  }

  /** Takes the record away. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    await this.#writing
    if (this.#key !== undefined) await this.#directory?.remove(this.#key).catch(() => {})
  }

  #write(): void {
    const { clock, every } = this.#options
    this.#writing = this.#put().finally(() => {
      this.#writing = undefined
      // A directory that fails is asked less often.
      const pause = this.#failures > 0 ? pauseAfter(this.#failures, { first: 2 * every, longest: 10 * every }) : every
      if (!this.#closed) this.#timer = clock.after(pause, () => this.#write())
    })
  }

  async #put(): Promise<void> {
    const { transport, events, record } = this.#options
    if (!transport.connected) return
    try {
      this.#directory ??= await transport.directory?.()
      const made = record()
      this.#key = recordKey(made)
      await this.#directory?.put(this.#key, packRecord(made))
      this.#failures = 0
    } catch (error) {
      this.#failures += 1
      if (this.#failures === 1) events.emit({ type: 'fault', where: 'directory', error })
    }
  }
}
