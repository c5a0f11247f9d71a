/*
 * A node: start as many as wanted, they share the models.
 *
 *   NATS_URL=nats://127.0.0.1:4222 npx tsx examples/cluster/node.ts NAME
 */
import { connect } from '../../adapters/nats/index.ts'
import { drainOnSignals } from '../../adapters/node/index.ts'
import { program } from '../program.ts'
import { sharing } from './definition.ts'

await program(async () => {
  const transport = await connect()
  try {
    const [name] = process.argv.slice(2)
    const node = await sharing().cloud(transport, { executors: 1, ...(name === undefined ? {} : { node: name }) })
    const unhook = drainOnSignals([node])
    console.log(`${node.node} serves`)
    await node.done
    unhook()
  } finally {
    await transport.drain()
  }
})
