import { assertSubject, type Clock, type Directory, TooLarge } from '../../pipeline/index.ts'

/** Milliseconds that a record is there without being written again. */
const ttl = 5_000
/** Largest record, bytes: as over NATS. */
const largest = 256 * 1024

/** What the parties on one broker see of each other. */
export class MemoryDirectory implements Directory {
  readonly ttl = ttl
  readonly #clock: Clock
  readonly #records = new Map<string, { readonly record: Uint8Array; readonly until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async put(key: string, record: Uint8Array): Promise<void> {
    assertSubject(key)
    if (record.byteLength > largest) {
      throw new TooLarge(`The record of "${key}" has ${record.byteLength} bytes of ${largest}. Say less in it.`)
    }
    this.#records.set(key, { record, until: this.#clock.now() + ttl })
  }

  async remove(key: string): Promise<void> {
    this.#records.delete(key)
  }

  async list(): Promise<ReadonlyMap<string, Uint8Array>> {
    const now = this.#clock.now()
    for (const [key, { until }] of this.#records) if (until <= now) this.#records.delete(key)
    return new Map([...this.#records].map(([key, { record }]) => [key, record]))
  }
}
