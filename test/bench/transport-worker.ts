import { connect as connectClient } from 'nats'
import { connect } from '../../adapters/nats/index.ts'

// Echoes in a process of its own: on `ours` through the transport, on `raw` through the bare client.
const servers = process.argv[2] as string
const client = await connectClient({ servers, noAsyncTraces: true })
client.subscribe('raw', {
  queue: 'w',
  callback: (error, message) => {
    if (!error) message.respond(message.data)
  },
})
await client.flush()
const transport = await connect(servers)
await transport.serve('ours', async (request) => request.reply(request.data), { group: 'w' })
process.stdout.write('ready\n')
