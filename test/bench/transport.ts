import { connect as connectClient, type NatsConnection } from 'nats'
import { memoryTransport } from '../../adapters/memory/index.ts'
import { connect, natsServer } from '../../adapters/nats/index.ts'
import type { Parts, Transport } from '../../pipeline/index.ts'
import { killProcess, startProcess } from '../support/process.ts'
import { median, p99, type Row, row } from './row.ts'

/**
 * What a request costs: over NATS against the bare client with the same bytes, both echoed by another process and
 * taking turns in one run; and inside one process.
 */
export async function bench(): Promise<Row[]> {
  const rows: Row[] = []
  const server = await natsServer()
  const worker = await startProcess(new URL('./transport-worker.ts', import.meta.url), [server.url])
  const client = await connectClient({ servers: server.url, noAsyncTraces: true })
  const transport = await connect(server.url)
  try {
    for (const [label, bytes, rounds] of [
      ['1 KB', 1024, 6000],
      ['100 KB', 100 * 1024, 3000],
    ] as const) {
      rows.push(...(await compared(label, new Uint8Array(bytes), rounds, client, transport)))
    }
  } finally {
    await transport.drain()
    await client.close()
    await killProcess(worker)
    await server.stop()
  }
  rows.push(await inMemory())
  return rows
}

async function compared(
  label: string,
  data: Uint8Array,
  rounds: number,
  client: NatsConnection,
  transport: Transport,
): Promise<Row[]> {
  const raw: number[] = []
  const ours: number[] = []
  const askRaw = () => client.request('raw', data, { timeout: 10_000 })
  const askOurs = () => ask(transport, 'ours', [data])
  for (let round = -rounds / 5; round < rounds; round++) {
    // Who goes first changes too, so that neither always meets the other's garbage.
    const pairs =
      round % 2 === 0
        ? ([
            [askRaw, raw],
            [askOurs, ours],
          ] as const)
        : ([
            [askOurs, ours],
            [askRaw, raw],
          ] as const)
    for (const [one, times] of pairs) {
      const started = performance.now()
      await one()
      if (round >= 0) times.push(performance.now() - started)
    }
  }
  const name = (what: string) => `NATS request ${label}: ${what}`
  return [
    row(name('bare client p50'), median(raw), 'ms'),
    row(name('ours p50'), median(ours), 'ms'),
    row(name('ours ÷ bare p50'), median(ours) / median(raw), '×', '≤ 1.15'),
    row(name('bare client p99'), p99(raw), 'ms'),
    row(name('ours p99'), p99(ours), 'ms'),
  ]
}

async function inMemory(): Promise<Row> {
  const transport = memoryTransport()
  const data = [new Uint8Array(100 * 1024)]
  await transport.serve('echo', (request) => request.reply(request.data))
  const rounds = 100_000
  const batches: number[] = []
  for (let batch = -2; batch < 10; batch++) {
    const started = performance.now()
    for (let round = 0; round < rounds / 10; round++) await ask(transport, 'echo', data)
    if (batch >= 0) batches.push(((performance.now() - started) * 1000) / (rounds / 10))
  }
  await transport.drain()
  return row('memory request 100 KB', median(batches), 'µs', '≤ 5')
}

/** One request, its first reply, the conversation closed. */
function ask(transport: Transport, subject: string, data: Parts): Promise<void> {
  return new Promise((resolve, reject) => {
    const conversation = transport.request(subject, data, {
      onReply: () => {
        conversation.close()
        resolve()
      },
      onError: reject,
    })
  })
}
