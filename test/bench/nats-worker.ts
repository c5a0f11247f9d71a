import { connect as connectClient } from 'nats'
import { connect } from '../../adapters/nats/index.ts'
import {
  type Capture,
  capture,
  type Payload,
  type Pipeline,
  pipeline,
  type Result,
  stage,
  transfer,
} from '../../adapters/node/index.ts'

/** As long as what a pipeline replies. */
export const reply = new Uint8Array(450)

const answer: Result = { form: 'result', at: 'answered', model: 'none', label: 'nothing', score: 1, top: [] }

/** A pipeline that does nothing but cross the wire. */
export function empty(frames: AsyncIterable<Capture> | Iterable<Capture>, window: number): Pipeline {
  return pipeline(
    'empty',
    { window },
    capture(frames),
    transfer(),
    stage<Payload, Result, 'cloud'>('answer', () => answer),
  )
}

const [flag, url] = process.argv.slice(2)
if (flag === '--serve' && url) {
  const client = await connectClient({ servers: url, noAsyncTraces: true })
  client.subscribe('bare', { callback: (_error, message) => message.respond(reply) })
  await empty([], 1).cloud(await connect({ servers: url }))
  console.log('ready')
}
