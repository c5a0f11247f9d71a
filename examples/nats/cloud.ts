/*
 * A cloud worker: start as many as wanted, they share the work.
 *
 *   NATS_URL=nats://127.0.0.1:4222 npx tsx examples/nats/cloud.ts
 */
import { connect } from '../../adapters/nats/index.ts'
import { drainOnSignals } from '../../adapters/node/index.ts'
import { program } from '../program.ts'
import { things } from './definition.ts'

await program(async () => {
  const transport = await connect()
  try {
    const node = await things().cloud(transport, { executors: 1 })
    const unhook = drainOnSignals([node])
    console.log(`${node.node} serves`)
    await node.done
    unhook()
    console.log(`${node.node} has drained: ${JSON.stringify(node.statistics)}`)
  } finally {
    await transport.drain()
  }
})
