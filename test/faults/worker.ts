/*
 * Serves the cloud's half of the faults' pipeline until it is killed:
 *   worker.ts NATS_URL NODE MS [CAPACITY]
 */
import { connect } from '../../adapters/nats/index.ts'
import { capture } from '../../adapters/node/index.ts'
import { flow } from './flow.ts'

const [url, node, ms, capacity] = process.argv.slice(2) as [string, string, string, string?]
const transport = await connect({ servers: url, onFault: () => {} })
await flow(capture([]), { deadline: 30_000, ms: Number(ms) }).cloud(transport, {
  node,
  ...(capacity ? { capacity: Number(capacity) } : {}),
})
console.log('ready')
