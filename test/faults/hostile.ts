/*
 * A device that does what none should, for as long as it lives:
 *   hostile.ts NATS_URL fuzz      a thousand frames a second that are damaged or made up
 *   hostile.ts NATS_URL bombs     at its full share: pictures that take seconds, offers without chunks, repeats, bad frames
 *   hostile.ts NATS_URL greedy    sound pictures, as many as are taken: 256 at a time, by the rules of the wire
 */
import { randomBytes, randomInt } from 'node:crypto'
import { connect } from '../../adapters/nats/index.ts'
import { capture } from '../../adapters/node/index.ts'
import { Boundary, type Captured, type Parts, packFrame } from '../../pipeline/index.ts'
import { imageMessage } from '../../pipeline/testing/index.ts'
import { encodeMessage } from '../../pipeline/wire/codec.ts'
import { bomb, photo } from './bombs.ts'
import { decoding } from './flow.ts'

const [url, kind] = process.argv.slice(2) as [string, 'fuzz' | 'bombs' | 'greedy']
const transport = await connect({ servers: url, onFault: () => {} })
const boundary = Boundary.wire('main', 'faults')
const source = `${kind}.main`
const picture = kind === 'bombs' ? await bomb() : await photo()
let asked = 0

function header(n: number): ReturnType<typeof encodeMessage> {
  const now = performance.now()
  return encodeMessage(imageMessage({ n, source, captured: now, expires: now + 3_600_000 }, { bytes: picture }), now)
}

function ask(frame: Parts, over = () => {}): void {
  const conversation = transport.request(boundary.any(source), frame, {
    onReply: () => {},
    onError: () => {},
  })
  setTimeout(() => {
    conversation.close()
    over()
  }, 1000)
}

const whole = (n: number) => {
  const { header: message, parts } = header(n)
  return packFrame({ kind: 'message', message }, parts)
}
const offer = (n: number) =>
  packFrame({ kind: 'offer', message: header(n).header, sizes: [4_000_000], chunk: 65_536 }, [])

/** A sound frame with some bytes changed or its end missing, or no frame at all. */
function fuzzed(): Parts {
  if (asked % 3 === 0) return [randomBytes(randomInt(1, 4096))]
  const bytes = Buffer.concat([...(asked % 2 === 0 ? whole(asked) : offer(asked))])
  for (let n = randomInt(1, 8); n > 0; n--) bytes[randomInt(Math.min(512, bytes.length))] = randomInt(256)
  return [asked % 5 === 0 ? bytes.subarray(0, randomInt(1, bytes.length)) : bytes]
}

function* photos(): Generator<{ readonly payload: Captured }> {
  for (;;) yield { payload: { form: 'image', at: 'captured', bytes: picture } }
}

async function greedy(): Promise<void> {
  const source = capture(photos(), { live: false })
  const running = await decoding(source, undefined, { window: 256 }).device(transport, { node: 'greedy' })
  for await (const _ of running);
}

const begun = performance.now()
if (kind === 'greedy') void greedy()
else setInterval(misbehave, 10)

function misbehave(): void {
  const due = performance.now() - begun
  for (; asked < due; asked++) {
    if (kind === 'fuzz') ask(fuzzed())
    else if (asked % 4 === 0) ask(whole(asked))
    else if (asked % 4 === 1) ask(offer(asked))
    else if (asked % 4 === 2) ask(whole(2))
    else ask(fuzzed())
  }
}
console.log('ready')
