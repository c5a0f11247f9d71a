import { type KV, type NatsConnection, NatsError, StorageType } from 'nats'
import { assertSubject, BadConfiguration, type Directory, QuintetError, TooLarge } from '../../pipeline/index.ts'
import { fromClient } from './errors.ts'

/** The bucket of everybody who shares a server, and an account of it. */
const bucket = 'quintet-directory'
/** Milliseconds that a record is there without being written again. */
const ttl = 5_000
/** Largest record, bytes. */
const largest = 256 * 1024
/** Of all records together: an old one makes room. */
const most = 64 * 1024 * 1024

/**
 * A key-value bucket in the server's memory. Made by whoever comes first.
 * @throws BadConfiguration the server has no JetStream, or the user no rights to it
 */
export async function natsDirectory(connection: NatsConnection): Promise<Directory> {
  try {
    const kv = await connection.jetstream().views.kv(bucket, {
      description: 'Who runs Quintet here, for observers.',
      storage: StorageType.Memory,
      history: 1,
      ttl,
      maxValueSize: largest,
      max_bytes: most,
    })
    return new NatsDirectory(kv)
  } catch (error) {
    // 503: nobody answers for JetStream on this account.
    if (error instanceof NatsError && (error.code === '503' || error.jsError() !== null)) {
      throw new BadConfiguration(
        `The NATS server keeps no directory (${error.message}): start it with JetStream, and allow this user the bucket "${bucket}".`,
        { cause: error },
      )
    }
    throw fromClient(error, `the bucket "${bucket}"`)
  }
}

class NatsDirectory implements Directory {
  readonly ttl = ttl
  readonly #kv: KV

  constructor(kv: KV) {
    this.#kv = kv
  }

  async put(key: string, record: Uint8Array): Promise<void> {
    assertSubject(key)
    if (record.byteLength > largest) {
      throw new TooLarge(`The record of "${key}" has ${record.byteLength} bytes of ${largest}. Say less in it.`)
    }
    await this.#ask(key, () => this.#kv.put(key, record))
  }

  async remove(key: string): Promise<void> {
    assertSubject(key)
    await this.#ask(key, () => this.#kv.purge(key))
  }

  async list(): Promise<ReadonlyMap<string, Uint8Array>> {
    const records = new Map<string, Uint8Array>()
    await this.#ask('every key', async () => {
      const keys: string[] = []
      for await (const key of await this.#kv.keys()) keys.push(key)
      const entries = await Promise.all(keys.map((key) => this.#kv.get(key)))
      // Between the two looks one may have gone.
      for (const entry of entries) if (entry?.operation === 'PUT') records.set(entry.key, entry.value)
    })
    return records
  }

  async #ask(what: string, ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask()
    } catch (error) {
      if (error instanceof QuintetError) throw error
      throw fromClient(error, `"${what}" of the directory`)
    }
  }
}
