import { connect } from '../../../adapters/nats/index.ts'

// A process that serves `SUBJECT` in the group "w" and answers with its own name until it is killed.
const [url, subject, name] = process.argv.slice(2) as [string, string, string]
const transport = await connect(url)
await transport.serve(subject, (request) => request.reply(request.data.length > 0 ? [Buffer.from(name)] : []), {
  group: 'w',
})
process.stdout.write('ready\n')
