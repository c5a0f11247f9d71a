/*
 * The device: captures pictures and sends them to whatever workers serve.
 *
 *   NATS_URL=nats://127.0.0.1:4222 npx tsx examples/nats/device.ts [--count 60] [--json]
 */
import { connect } from '../../adapters/nats/index.ts'
import { type Answer, type Capture, drainOnSignals, picture } from '../../adapters/node/index.ts'
import { Complaints, program } from '../program.ts'
import { report, table } from '../report.ts'
import { pictures } from '../zoo/index.ts'
import { deviceOptions, things } from './definition.ts'

await program(async () => {
  const { count, json } = deviceOptions()
  const truth = new Map<string, string>()

  async function* frames(): AsyncGenerator<Capture> {
    for await (const { name, jpeg, label } of pictures({ count, seed: 7, cache: '.cache/zoo/pictures' })) {
      const id = name.replace('.jpg', '')
      truth.set(id, label)
      yield { id, payload: picture(jpeg) }
    }
  }

  const transport = await connect()
  try {
    const device = await things(frames()).device(transport, { node: 'phone' })
    const unhook = drainOnSignals([device])
    const complaints = new Complaints(device)
    const answers: Answer[] = []
    for await (const answer of device.answers) {
      answers.push(answer)
      if (!json) console.log(`${answer.id}  ${answer.label} from ${answer.node} in ${answer.latency.toFixed(0)} ms`)
    }
    const counts = await device.done
    unhook()
    const result = report(answers, counts, (id) => truth.get(id))
    console.log(json ? JSON.stringify(result) : table(result))
    complaints.conclude(counts)
  } finally {
    await transport.drain()
  }
})
