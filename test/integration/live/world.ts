import { memoryBroker } from '../../../adapters/memory/index.ts'
import type { Answer, ImageEngine, Models } from '../../../adapters/node/index.ts'
import { capture, pipeline } from '../../../adapters/node/index.ts'
import {
  BadConfiguration,
  type Clock,
  type Decider,
  decide,
  type Failure,
  type Outcome,
  type Parts,
  type PipelineEvent,
  type PipelineOptions,
  type RunningCloud,
  type Side,
  sleep,
  type Transport,
} from '../../../pipeline/index.ts'
import {
  type FakeClock,
  fakeClock,
  faulty,
  type Network,
  network,
  seededRandom,
} from '../../../pipeline/testing/index.ts'
import { fakeExecutors } from '../../../stages/execute/testing.ts'
import { execute, type ModelSource, type ModelSplitter, preprocess, transfer } from '../../../stages/index.ts'

/** A test's limit, ms by the wall: streams play on a clock of their own, however slowly a busy machine lets them. */
export const patience = 1_200_000

/** How long things take in a place, ms. */
export interface Place {
  /** Preparing a captured picture; one that is prepared takes a tenth. */
  readonly prepare: number
  /** A whole model, or of a split one the head or tail. */
  run(model: ModelSource): number
  /** A model's load. Default 0. */
  readonly load?: number
}

/** A stretch of the stream. */
export interface Phase {
  readonly network: Network
  readonly messages: number
  /** The edge that serves; default the one before. */
  readonly edge?: string
  /** Bytes of a picture. Default 200,000. */
  readonly bytes?: number | ((n: number) => number)
}

export interface Scene {
  readonly models: Models
  readonly device: Place
  /** By the names of the edges, of which the first serves at first. */
  readonly edges: Readonly<Record<string, Place>>
  readonly above: readonly Decider[]
  readonly below?: readonly Decider[]
  readonly phases: readonly Phase[]
  readonly options?: Partial<PipelineOptions>
  readonly transfer?: Parameters<typeof transfer>[0]
  /** Milliseconds between captures; default: as fast as the window allows, which is one message. */
  readonly every?: number
  readonly seed?: number
  /** Bytes of a prepared picture. Default 10,000. */
  readonly preparedBytes?: number
}

/** What was seen of one message. */
export interface Seen {
  readonly seq: number
  readonly phase: number
  /** Where in its phase, from 0. */
  readonly n: number
  readonly answer: Answer | undefined
  readonly failure: Failure | undefined
  /** Local clock, ms: captured, settled. */
  readonly from: number
  readonly to: number
}

export interface Played {
  readonly seen: readonly Seen[]
  readonly outcomes: readonly Outcome[]
  readonly events: readonly PipelineEvent[]
  /** What went over the device's side of the wire. */
  readonly wire: Wire
  readonly phase: (index: number) => readonly Seen[]
}

/** What a stranger on the wire would have seen. */
export interface Wire {
  /** Messages in either direction, and the bytes that left the device. */
  messages: number
  bytes: number
  /** Of these, in which a captured, a prepared picture or activations were found. */
  captured: number
  prepared: number
  activations: number
}

const marks = { captured: 0xc1, prepared: 0xb2, activations: 0xa3 } as const
/** So many equal bytes in a row are no accident. */
const telling = 24

/** Plays a stream of pictures over a network that changes, through the real stages, on a clock of its own. */
export async function play(scene: Scene): Promise<Played> {
  const { phases, every, seed = 1, options = {} } = scene
  const clock = fakeClock()
  const broker = memoryBroker()
  const wire: Wire = { messages: 0, bytes: 0, captured: 0, prepared: 0, activations: 0 }
  const first = phases[0] as Phase
  const link = faulty(watched(broker.connect({ clock }), wire), network(first.network), {
    clock,
    random: seededRandom(seed),
  })
  const outcomes: Outcome[] = []
  const listening: Decider = {
    name: 'listening',
    decide: (_request, _world, menu) => menu,
    observe: (outcome) => void outcomes.push(outcome),
  }
  const define = (edge: string, frames: AsyncIterable<Uint8Array>) => {
    const there = scene.edges[edge] as Place
    const images = (place: Place) => preprocess({ images: engine(clock, place, scene.preparedBytes ?? 10_000) })
    const running = () =>
      execute({
        executors: { device: executors(clock, scene.device), cloud: executors(clock, there) },
        splitter,
      })
    return pipeline(
      'live',
      { models: scene.models, window: 1, clock, deadline: 1000, ...options },
      capture(frames),
      decide(...scene.above, listening),
      images(scene.device),
      running(),
      transfer({ chunkAbove: 256 * 1024, ...scene.transfer }),
      decide(...(scene.below ?? [])),
      images(there),
      running(),
    )
  }
  let edge = Object.keys(scene.edges)[0] as string
  let cloud: RunningCloud | undefined
  const serve = async (name: string) => {
    await cloud?.drain(0)
    edge = name
    cloud = await define(name, nothing()).cloud(broker.connect({ clock }), { node: name })
  }
  const starts: number[] = []
  async function* frames() {
    let next = 0
    for (const [index, phase] of phases.entries()) {
      starts[index] = next
      link.use(network(phase.network))
      if (phase.edge !== undefined && phase.edge !== edge) await serve(phase.edge)
      for (let n = 0; n < phase.messages; n++, next++) {
        if (every !== undefined) await sleep(clock, every)
        const { bytes = 200_000 } = phase
        yield new Uint8Array(typeof bytes === 'number' ? bytes : bytes(n)).fill(marks.captured)
      }
    }
  }
  await untilDone(serve(edge), clock)
  const events: PipelineEvent[] = []
  const seen: Seen[] = []
  const captured = new Map<string, { seq: number; at: number }>()
  const answers = new Map<string, Answer>()
  const whole = (async () => {
    const running = await define(edge, frames()).device(link, { node: 'phone' })
    let count = 0
    running.events.stream.subscribe((event) => {
      events.push(event)
      if (event.type === 'captured') captured.set(event.id, { seq: count++, at: clock.now() })
      if (event.type !== 'settled') return
      const { seq, at } = captured.get(event.item.id) ?? { seq: count++, at: clock.now() }
      const phase = starts.findLastIndex((from) => from <= seq)
      seen.push({
        seq,
        phase,
        n: seq - (starts[phase] as number),
        answer: undefined,
        failure: event.item.kind === 'failure' ? event.item : undefined,
        from: at,
        to: clock.now(),
      })
    })
    for await (const answer of running) answers.set(answer.id, answer)
    await running.done
    await cloud?.drain(0)
  })()
  await untilDone(whole, clock)
  const ids = new Map([...captured].map(([id, { seq }]) => [seq, id]))
  const all = seen.map((one) => ({ ...one, answer: answers.get(ids.get(one.seq) ?? '') })).sort((a, b) => a.seq - b.seq)
  return { seen: all, outcomes, events, wire, phase: (index) => all.filter((one) => one.phase === index) }
}

/** Lets time pass until it is over, and throws what it rejects with. */
async function untilDone(work: Promise<unknown>, clock: FakeClock): Promise<void> {
  let open = true
  void work.then(
    () => (open = false),
    () => (open = false),
  )
  while (open) await clock.advance(5)
  await work
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function executors(clock: Clock, place: Place) {
  // No picture is like the one before: the last answer is no good.
  let pictures = 0
  const logits = () => Float32Array.of(pictures++ % 2 === 0 ? 3 : 0, 1.5)
  return fakeExecutors({
    clock,
    loadMs: place.load ?? 0,
    runMs: (model) => place.run(model),
    answer: (model) => [
      model.key.includes('head')
        ? {
            name: 'h',
            type: 'uint8',
            shape: [1, activationBytes(model)],
            bytes: marked(activationBytes(model), 'activations'),
          }
        : { name: 'y', type: 'float32', shape: [1, 2], bytes: new Uint8Array(logits().buffer) },
    ],
  })
}

/** Bytes that cross behind a layer named `layer-BYTES`. */
const activationBytes = ({ key }: ModelSource) => Number(/-(\d+)$/.exec(key)?.[1] ?? 5000)

/** Heads and tails that exist by name alone. */
const splitter: ModelSplitter = {
  async split(model, layer) {
    if (!layer.startsWith('layer-')) throw new BadConfiguration(`No layer "${layer}". Use one that there is.`)
    const part = (which: string): ModelSource => ({ ...model, key: `${model.key}:${which}:${layer}` })
    return { head: part('head'), tail: part('tail'), crossing: ['h'] }
  },
}

function engine(clock: Clock, place: Place, bytes: number): ImageEngine {
  return {
    async prepare(picture, _input, { encoding, signal }) {
      const whole = picture.form !== 'tensors' && picture.at === 'captured'
      await sleep(clock, whole ? place.prepare : place.prepare / 10, signal ?? undefined)
      if (encoding !== 'tensor') {
        return { form: 'image', at: 'prepared', bytes: marked(bytes, 'prepared'), width: 2, height: 2 }
      }
      const tensor = { name: 'x', type: 'uint8' as const, shape: [1, 3, 40, 40], bytes: marked(4800, 'prepared') }
      return { form: 'tensors', at: 'prepared', tensors: [tensor] }
    },
    measure: async () => ({ width: 2, height: 2 }),
  }
}

const marked = (bytes: number, as: keyof typeof marks) => new Uint8Array(bytes).fill(marks[as])

/** A transport whose every word is read. */
function watched(inner: Transport, wire: Wire): Transport {
  const read = (parts: Parts, leaves: boolean) => {
    wire.messages++
    const all = Buffer.concat(parts as Uint8Array[])
    if (leaves) wire.bytes += all.byteLength
    for (const [name, mark] of Object.entries(marks) as [keyof typeof marks, number][]) {
      if (all.includes(Buffer.alloc(telling, mark))) wire[name]++
    }
  }
  return {
    kind: inner.kind,
    maxPayload: inner.maxPayload,
    closed: inner.closed,
    get connected() {
      return inner.connected
    },
    publish(subject, data, headers) {
      read(data, true)
      inner.publish(subject, data, headers)
    },
    request(subject, data, options) {
      read(data, true)
      return inner.request(subject, data, options)
    },
    subscribe: (subject, handler, options) => inner.subscribe(subject, handler, options),
    serve: (subject, handler, options) => inner.serve(subject, handler, options),
    drain: (within) => inner.drain(within),
  } as Transport
}

/** The side on which a message was answered, as its answer says. */
export const sideOf = ({ answer }: Seen): Side | undefined =>
  answer && (answer.place === 'answered' ? 'device' : 'cloud')
