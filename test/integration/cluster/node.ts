/*
 * One node of the shared pipeline in a process of its own, until it is told to stop:
 *   node.ts NATS_URL NAME OPTIONS_JSON
 */
import { connect } from '../../../adapters/nats/index.ts'
import { drainOnSignals } from '../../../adapters/node/index.ts'
import { type SharedOptions, startNode } from './shared.ts'

const [url, name, options] = process.argv.slice(2) as [string, string, string]
const transport = await connect({ servers: url })
const { cloud } = await startNode(transport, name, JSON.parse(options) as SharedOptions)
drainOnSignals([cloud, transport])
console.log(name)
