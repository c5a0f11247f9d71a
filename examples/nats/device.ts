/*
 * The device: captures pictures and sends them to whatever workers serve.
 *
 *   NATS_URL=nats://127.0.0.1:4222 npx tsx examples/nats/device.ts [--count 60] [--json]
 */
import { parseArgs } from 'node:util'
import { connect } from '../../adapters/nats/index.ts'
import { type Answer, type Capture, drainOnSignals, picture } from '../../adapters/node/index.ts'
import { report, table } from '../report.ts'
import { pictures } from '../zoo/index.ts'
import { things } from './definition.ts'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '60' }, json: { type: 'boolean', default: false } },
})
const truth = new Map<string, string>()

async function* frames(): AsyncGenerator<Capture> {
  for await (const { name, jpeg, label } of pictures({
    count: Number(values.count),
    seed: 7,
    cache: '.cache/zoo/pictures',
  })) {
    const id = name.replace('.jpg', '')
    truth.set(id, label)
    yield { id, payload: picture(jpeg) }
  }
}

const transport = await connect()
const device = await things(frames()).device(transport, { node: 'phone' })
const unhook = drainOnSignals([device, transport])
device.events.stream.subscribe((event) => {
  if (event.type === 'settled' && event.item.kind === 'failure')
    console.error(`${event.item.id} failed: ${event.item.error.message}`)
})

const answers: Answer[] = []
for await (const answer of device.answers) {
  answers.push(answer)
  if (!values.json) console.log(`${answer.id}  ${answer.label} from ${answer.node} in ${answer.latency.toFixed(0)} ms`)
}
const counts = await device.done
await transport.drain()
unhook()

const result = report(answers, counts, (id) => truth.get(id))
console.log(values.json ? JSON.stringify(result) : table(result))
