/*
 * A node that decodes pictures, until it is killed:
 *   decoder.ts NATS_URL NODE
 */
import { connect } from '../../adapters/nats/index.ts'
import { capture, imageEngine } from '../../adapters/node/index.ts'
import { decoding } from './flow.ts'

const [url, node] = process.argv.slice(2) as [string, string]
const transport = await connect({ servers: url, onFault: () => {} })
await decoding(capture([]), imageEngine()).cloud(transport, { node })
console.log('ready')
