import { getEventListeners } from 'node:events'
import { map, Subject } from 'rxjs'
import { imageEngine } from '../../adapters/image/index.ts'
import { type MemoryBroker, memoryBroker } from '../../adapters/memory/index.ts'
import {
  type Clock,
  composer,
  hop,
  type Item,
  type PipelineOptions,
  QuintetError,
  type RunningCloud,
  type RunningDevice,
  type Source,
  systemClock,
  type Tensor,
  type Transport,
} from '../../pipeline/index.ts'
import type { Link } from '../../pipeline/running/chain.ts'
import { answering, type FaultyTransport, fakeClock, faulty, seededRandom } from '../../pipeline/testing/index.ts'
import { fakeExecutors } from '../../stages/execute/testing.ts'
import { capture, execute, type Frame, preprocess, transfer } from '../../stages/index.ts'
import { entry, modelsWithoutFiles } from '../support/models.ts'
import { type Album, captureOf } from './captures.ts'
import { partOf } from './parts.ts'
import type { Faults, Scene } from './scene.ts'

/** What became of a scene; `wrong` is empty where all guarantees held. */
export interface Played {
  readonly captures: number
  readonly results: number
  readonly failures: number
  readonly dropped: number
  /** Failures by the code of their class. */
  readonly codes: Readonly<Record<string, number>>
  /** Refused where it was composed or started, by name. */
  readonly refused: boolean
  readonly wrong: readonly string[]
}

/** Where a scene takes place: whose time passes, and over what messages go. */
export interface Place {
  readonly clock: Clock & { readonly pending?: number }
  /** Lets time pass. */
  pass(ms: number): Promise<void>
  /** Another party of the transport that halves share. */
  connect(scene: Scene): Promise<Transport>
  /** ms after which a run that has not ended hangs; and in which steps it is looked. */
  readonly patience: number
  readonly step: number
}

/** In this process, on a clock of its own: the same every time. */
export function memoryPlace(): Place {
  const clock = fakeClock()
  let broker: MemoryBroker | undefined
  return {
    clock,
    pass: (ms) => clock.advance(ms),
    async connect({ handsOver }) {
      broker ??= memoryBroker({ clock })
      return broker.connect({ clock, handsOver, onFault: () => {} })
    },
    patience: 400_000,
    step: 2000,
  }
}

const quiet = () => {}
const linkOf = ({ drop, duplicate, corrupt, delay, reorder }: Faults) => [
  { drop, duplicate, corrupt, ...(delay > 0 ? { delay: [0, delay] as const } : {}), reorder },
]

/** Plays one scene to its end, and says what did not hold. */
export async function play(scene: Scene, album: Album, place: Place): Promise<Played> {
  const { clock } = place
  const wrong: string[] = []
  const settled = new Map<string, Item>()
  let told = 0
  const abort = new AbortController()
  const shown = new Subject<Frame>()
  const own: Transport[] = []
  const faults: FaultyTransport[] = []
  const connect = async () => {
    const inner = await place.connect(scene)
    const random = seededRandom(scene.seed + own.length)
    const one = faulty(inner, linkOf(scene.faults), { clock, random, onFault: quiet })
    own.push(inner)
    faults.push(one)
    return one
  }
  const finished = (refused: boolean, running?: RunningDevice): Played => {
    const { results, failures, dropped } = running?.counts ?? { results: 0, failures: 0, dropped: 0 }
    const codes: Record<string, number> = {}
    for (const item of settled.values()) {
      if (item.kind === 'failure') codes[item.error.code] = (codes[item.error.code] ?? 0) + 1
    }
    return { captures: running?.counts.in ?? 0, results, failures, dropped, codes, refused, wrong }
  }

  let running: RunningDevice
  const clouds: RunningCloud[] = []
  try {
    const links = linksOf(scene, place)
    const source = sourceOf(scene, album, shown)
    const embedded = scene.transport === 'embedded' ? await connect() : undefined
    const options = {
      ...scene.options,
      clock,
      ...(scene.models > 0 ? { models: modelsWithoutFiles(entries.slice(0, scene.models)) } : {}),
      ...(embedded ? { embedded: () => embedded } : {}),
    } as PipelineOptions
    const flow = (composer() as unknown as (...all: unknown[]) => ReturnType<ReturnType<typeof composer>>)(
      'flow',
      options,
      source,
      ...links,
    )
    if (scene.transport === 'halves') {
      for (let n = 0; n < scene.clouds; n++) {
        clouds.push(await flow.cloud(await connect(), { node: `cloud${n}`, capacity: scene.capacity }))
      }
      running = await flow.device(await connect(), { node: 'device', signal: abort.signal })
    } else running = flow.run({ node: 'device', signal: abort.signal, capacity: scene.capacity })
  } catch (error) {
    if (!(error instanceof QuintetError)) wrong.push(`not refused by name: ${String(error)}`)
    await Promise.all(own.map((one) => one.drain(0)))
    return finished(true)
  }

  running.events.stream.subscribe((event) => {
    if (event.type !== 'settled') return
    told++
    const { item } = event
    // An id may come again once it has settled.
    const key = `${item.source} ${item.seq}`
    if (settled.has(key)) wrong.push(`${key} was settled twice`)
    settled.set(key, item)
    if (item.kind === 'failure' && !(item.error instanceof QuintetError)) wrong.push(`${item.id} failed without a name`)
  })
  listen(running, scene.listener)

  let over = false
  let answered = 0
  const read = reading(running, scene, place, () => answered++)
  // The source's own error is the user's; all that is ours has a name.
  const end = running.done.then(
    () => {},
    (error: unknown) => {
      const itsOwn = scene.ends !== 'completes' && error instanceof Error && error.message === 'the camera broke'
      if (!itsOwn) wrong.push(`it ended with ${String(error)}`)
    },
  )
  const all = Promise.all([end, read]).finally(() => {
    over = true
  })
  const timers = scene.happenings.map((happening) =>
    clock.after(happening.at, () => {
      const quietly = (work: Promise<unknown>) => void work.catch(quiet)
      switch (happening.what) {
        case 'drain':
          return quietly(running.drain(happening.within))
        case 'abort':
          return abort.abort()
        case 'cut':
          return faults[0]?.cut()
        case 'heal':
          return faults[0]?.heal()
        case 'close':
          return own[0] && quietly(own[0].drain(0))
        case 'stop-cloud': {
          const cloud = clouds[happening.cloud]
          return cloud && quietly(cloud.drain(happening.within))
        }
        case 'faults':
          return faults[0]?.use(linkOf(happening.faults))
      }
    }),
  )

  await place.pass(1)
  if (scene.source === 'observable' || scene.source === 'buffered') {
    // Nobody hears of a frame that is shown before the source is opened.
    for (let passed = 0; !shown.observed && !over && passed < place.patience; passed += 1) await place.pass(1)
    for (const [n, { kind, stream, pause }] of scene.captures.entries()) {
      shown.next(captureOf(kind, n, stream, album) as Frame)
      if (pause > 0) await place.pass(pause)
    }
    if (scene.ends === 'completes') shown.complete()
    else shown.error(new Error('the camera broke'))
  }
  const { step } = place
  for (let passed = 0; !over && passed < place.patience; passed += step) await place.pass(step)
  if (!over) wrong.push(`it hangs: not over after ${place.patience} ms`)
  else await all
  for (const timer of timers) timer.cancel()

  const closing = Promise.all([...clouds.map((cloud) => cloud.drain(0)), ...faults.map((one) => one.drain(0))])
  let closed = false
  closing.then(
    () => {
      closed = true
    },
    (error) => wrong.push(`closing failed: ${String(error)}`),
  )
  for (let passed = 0; passed < 100_000 && !closed; passed += step) await place.pass(step)
  if (!closed) wrong.push('what it opened does not close')
  // Beats, lost passes and probes have had their time.
  await place.pass(clock.pending === undefined ? 0 : 60_000)

  const { counts } = running
  if (counts.in !== counts.results + counts.failures + counts.dropped)
    wrong.push(`unbalanced: ${JSON.stringify(counts)}`)
  if (told !== counts.in) wrong.push(`${counts.in} came in, ${told} were told of`)
  const undisturbed = scene.happenings.length === 0 && ['all', 'slow'].includes(scene.reader)
  if (undisturbed && scene.ends === 'completes' && counts.in !== scene.captures.length) {
    wrong.push(`${scene.captures.length} were captured, ${counts.in} came in`)
  }
  if (undisturbed && answered !== counts.results) wrong.push(`${counts.results} results, ${answered} answers`)
  if (shown.observed) wrong.push('the source is still watched')
  if (clock.pending) wrong.push(`${clock.pending} timers are left`)
  const listeners = getEventListeners(abort.signal, 'abort').length
  if (listeners > 0) wrong.push(`${listeners} listeners are left on the signal`)
  return finished(false, running)
}

const entries = ['a', 'b', 'c'].map((id) => entry(id))

function linksOf(scene: Scene, { clock }: Place): Link[] {
  const { above, below, hop: hopped, transport, probes, models } = scene
  const real = scene.real && models > 0 && clock === systemClock
  const prepare = real ? [preprocess({ images: imageEngine() })] : []
  return [
    ...above.map(partOf),
    ...prepare,
    ...(hopped && transport === 'embedded' ? [hop('hop')] : []),
    ...(transport === 'none' ? [] : [transfer(probes ? { probe: { every: 200 } } : { probe: false })]),
    ...below.map(partOf),
    ...(transport === 'none' ? [] : prepare),
    real
      ? execute({ executors: { device: standIns(), cloud: standIns() } })
      : answering(({ seq }) => ({ score: (seq % 10) / 10 })),
  ] as unknown as Link[]
}

/** Executors that say something else of every picture. */
function standIns() {
  let run = 0
  const answer = (): Tensor[] => {
    const logits = Float32Array.from([run++ % 3, 1, 0])
    return [{ name: 'logits', type: 'float32', shape: [1, 3], bytes: new Uint8Array(logits.buffer) }]
  }
  return fakeExecutors({ clock: systemClock, runMs: () => run % 4, answer })
}

function sourceOf(scene: Scene, album: Album, shown: Subject<Frame>): Source {
  const { captures, ends, handover } = scene
  const make = (n: number) => {
    const { kind, stream } = captures[n] as Scene['captures'][number]
    return captureOf(kind, n, stream, album) as Frame
  }
  const frames = function* (): Generator<Frame> {
    for (let n = 0; n < captures.length; n++) yield make(n)
    if (ends !== 'completes') throw new Error('the camera broke')
  }
  switch (scene.source) {
    case 'list':
      return capture(frames(), handover)
    case 'live-list':
      return capture(frames(), { ...handover, live: true })
    case 'observable':
      return capture(shown, handover)
    case 'buffered':
      return capture(shown, { ...handover, live: false, buffer: 4096 })
    default:
      return capture({ [Symbol.asyncIterator]: () => iteratorOf(frames(), scene.source) }, handover)
  }
}

/** By hand, as an async generator would wait for promises and proxies itself. */
function iteratorOf(frames: Generator<Frame>, kind: string): AsyncIterator<Frame> {
  const iterator: AsyncIterator<Frame> = { next: async () => frames.next() }
  if (kind === 'iterator') {
    iterator.return = () => {
      throw new Error('it does not close')
    }
  }
  return iterator
}

function listen(running: RunningDevice, kind: Scene['listener']): void {
  const fall = (): never => {
    throw new Error('a listener fell')
  }
  if (kind === 'throws') running.events.stream.subscribe(fall)
  if (kind === 'pipes-and-throws') running.events.stream.pipe(map(fall)).subscribe()
}

async function reading(running: RunningDevice, scene: Scene, place: Place, hear: () => void): Promise<void> {
  if (scene.reader === 'none') return
  let left = scene.leaveAfter
  try {
    for await (const _ of running) {
      hear()
      if (scene.reader === 'slow') await new Promise<void>((resolve) => place.clock.after(7, resolve))
      if (scene.reader === 'all' || scene.reader === 'slow' || left-- > 0) continue
      if (scene.reader === 'throws') throw new Error('the reader fell')
      break
    }
  } catch {
    // What the source ended with, or the reader itself.
  }
}
