/*
 * Serves a pipeline whose cloud takes its time, and says on `mon.slow.NAME` which node has a message in its hands:
 *   slow-half.ts NATS_URL MS [NAME]
 */
import { connect } from '../../adapters/nats/index.ts'
import { amend, capture, catalogue, execute, pipeline, preprocess, transfer } from '../../adapters/node/index.ts'
import { zooFolder } from '../../examples/zoo/index.ts'

const [url, ms, name = 'slow'] = process.argv.slice(2) as [string, string, string?]
const transport = await connect({ servers: url })
await pipeline(
  'slow',
  { models: catalogue(zooFolder), deadline: 60_000 },
  capture([]),
  transfer(),
  amend('dawdle', async (message) => {
    transport.publish(`mon.slow.${name}`, [])
    await new Promise((resolve) => setTimeout(resolve, Number(ms)))
    return message
  }),
  preprocess(),
  execute(),
).cloud(transport, { node: name, executors: 1 })
console.log('ready')
