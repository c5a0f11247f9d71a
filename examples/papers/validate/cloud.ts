/* The cloud's process of a validation: `cloud.ts URL POLICY SEED`. Says "ready" when it serves; ends with its parent. */
import { connect } from '../../../adapters/nats/index.ts'
import { flow } from './flow.ts'
import { scene } from './scene.ts'

const [url = '', policy = '', seed = ''] = process.argv.slice(2)
const pipeline = flow(policy, 0, Number(seed))
const transport = await connect(url)
const running = await pipeline.cloud(transport, { node: 'cloud', executors: scene.cloud?.executors ?? 1, capacity: 64 })
process.on('SIGTERM', async () => {
  await running.drain()
  await transport.drain()
  process.exit(0)
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
