import { connect as connectClient } from 'nats'
import { connect, natsServer } from '../../adapters/nats/index.ts'
import { type Capture, picture } from '../../adapters/node/index.ts'
import { killProcess, startProcess } from '../support/process.ts'
import { empty, reply } from './nats-worker.ts'
import { median, p99, type Row, row } from './row.ts'

/**
 * A message through a pipeline whose stages do nothing, over NATS to another process and back, against a request of
 * the bare client with the same bytes to the same process; by turns, one at a time.
 */
export async function bench(): Promise<Row[]> {
  const server = await natsServer()
  const worker = await startProcess(new URL('./nats-worker.ts', import.meta.url), ['--serve', server.url])
  const client = await connectClient({ servers: server.url, noAsyncTraces: true })
  const transport = await connect({ servers: server.url })
  const rows: Row[] = []
  try {
    for (const [label, bytes, rounds] of [
      ['1 KB', 1024, 4000],
      ['100 KB', 100 * 1024, 2000],
    ] as const) {
      const payload = picture(new Uint8Array(bytes))
      const bare: number[] = []
      const ours: number[] = []
      let started = 0
      async function* turns(): AsyncGenerator<Capture> {
        for (let round = -500; round < rounds; round++) {
          const asked = performance.now()
          const answer = await client.request('bare', payload.bytes, { timeout: 10_000 })
          if (answer.data.length !== reply.length) throw new Error('the bare reply is not whole')
          if (round >= 0) bare.push(performance.now() - asked)
          started = performance.now()
          yield { payload }
        }
      }
      const device = await empty(turns(), 1).device(transport)
      for await (const answer of device.answers) if (answer.seq >= 500) ours.push(performance.now() - started)
      rows.push(
        row(`NATS ${label}: bare request p50`, median(bare), 'ms'),
        row(`NATS ${label}: pipeline p50`, median(ours), 'ms'),
        row(`NATS ${label}: pipeline ÷ bare p50`, median(ours) / median(bare), '×', '≤ 1.25'),
        row(`NATS ${label}: bare request p99`, p99(bare), 'ms'),
        row(`NATS ${label}: pipeline p99`, p99(ours), 'ms'),
      )
    }
  } finally {
    await transport.drain()
    await client.close()
    await killProcess(worker)
    await server.stop()
  }
  return rows
}
