/*
 * Serves one half, or one segment, of the placed pipeline until it is told to stop:
 *   half.ts NATS_URL OPTIONS_JSON [ONLY]
 */
import { connect } from '../../adapters/nats/index.ts'
import { drainOnSignals } from '../../adapters/node/index.ts'
import { type PlacedOptions, placed } from './placements.ts'

const [url, options, only] = process.argv.slice(2) as [string, string, string?]
const transport = await connect({ servers: url })
const node = await placed([], JSON.parse(options) as PlacedOptions).cloud(transport, {
  executors: 1,
  ...(only ? { only } : {}),
})
drainOnSignals([node, transport])
console.log(node.node)
