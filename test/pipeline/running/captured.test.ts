import { runInNewContext } from 'node:vm'
import { Subject } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BadConfiguration, type Failure, type Item, pipeline, QuintetError } from '../../../pipeline/index.ts'
import { readCapture } from '../../../pipeline/running/captured.ts'
import { answering, collect } from '../../../pipeline/testing/index.ts'
import { capture, type Frame } from '../../../stages/index.ts'

const jpeg = () => Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)
const image = (change: object = {}) => ({ form: 'image', at: 'captured', bytes: jpeg(), ...change })
const throws = (name: string) => Object.defineProperty({}, name, { enumerable: true, get: () => JSON.parse('{') })
const proxy = () => {
  const refuse = () => {
    throw new Error('no entry')
  }
  return new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse })
}
const detached = () => {
  const bytes = jpeg()
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}

/** What is no frame, and what the sentence must say of it. */
function circle(): object {
  const one: { self?: object } = {}
  one.self = one
  return one
}

const wrong: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['null', () => null, /^Frame 1 is null \(a camera without a picture yet.*Give the bytes of a picture \(Uint8Array\)/],
  ['undefined', () => undefined, /^Frame 1 is undefined/],
  ['a string', () => 'photo.jpg', /^Frame 1 is a string \(read the file it names with pictures\(\)/],
  ['a number', () => 7, /^Frame 1 is the number 7/],
  ['a symbol', () => Symbol('x'), /^Frame 1 is the symbol Symbol\(x\)/],
  ['a function', () => () => jpeg(), /^Frame 1 is a function/],
  ['a promise', () => Promise.resolve(jpeg()), /^Frame 1 is a Promise without a payload \(await it first\)/],
  ['an ArrayBuffer', () => jpeg().buffer, /^Frame 1 is an ArrayBuffer without a payload \(wrap it: new Uint8Array/],
  ['a Float32Array', () => new Float32Array(4), /^Frame 1 is a Float32Array .*view it as bytes/],
  ['a Blob', () => new Blob(['x']), /^Frame 1 is a Blob .*blob\.arrayBuffer\(\)/],
  ['an error', () => new Error('torn'), /^Frame 1 is an Error .*hand it in as \{ error \}/],
  ['an event of an emitter', () => [jpeg()], /^Frame 1 is an Array without a payload/],
  [
    'an object without a payload',
    () => ({ stream: 'left' }),
    /^Frame 1 of stream "left" is an object without a payload/,
  ],
  ['a payload of null', () => ({ payload: null }), /^Frame 1 is one whose payload is null/],
  ['a payload without a form', () => ({ payload: {} }), /^Frame 1 has the form undefined/],
  ['a payload of no known form', () => ({ payload: image({ form: 'video' }) }), /has the form "video"/],
  ['a payload elsewhere on the chain', () => ({ payload: image({ at: 'answered' }) }), /stands at "answered"/],
  ['no bytes', () => ({ payload: image({ bytes: undefined }) }), /has undefined for its bytes/],
  ['bytes as a list', () => ({ payload: image({ bytes: [1, 2] }) }), /has an Array for its bytes/],
  ['empty bytes', () => new Uint8Array(), /^Frame 1 is empty: it has 0 bytes/],
  ['bytes that were transferred away', () => detached(), /^Frame 1 has bytes whose buffer was transferred away/],
  ['shared memory', () => new Uint8Array(new SharedArrayBuffer(4)), /shared memory.*copy: true/],
  ['a width of NaN', () => ({ payload: image({ width: Number.NaN }) }), /says width: NaN/],
  ['pixels without a height', () => ({ payload: image({ form: 'pixels', width: 2 }) }), /says height: undefined/],
  ['negative time', () => ({ payload: image(), ms: -1 }), /says ms: -1/],
  ['time as a string', () => ({ payload: image(), ms: '3' }), /says ms: 3/],
  ['a deadline of no time', () => ({ payload: image(), deadline: 0 }), /says deadline: 0\..*24 h/],
  ['a deadline of two days', () => ({ payload: image(), deadline: 172_800_000 }), /says deadline: 172800000/],
  ['a deadline as a string', () => ({ payload: image(), deadline: '50' }), /says deadline: 50/],
  ['an accuracy above one', () => ({ payload: image(), accuracy: 95 }), /says accuracy: 95\. Give the share/],
  ['a capture time that is a Date', () => ({ payload: image(), at: new Date(0) }), /says at: .*ms since 1970/],
  ['meta as long as a picture', () => ({ payload: image(), meta: 'x'.repeat(5000) }), /meta of 5002 characters/],
  ['meta in a circle', () => ({ payload: image(), meta: circle() }), /meta that is no plain data/],
  ['meta that is a function', () => ({ payload: image(), meta: () => {} }), /a function for its meta/],
  ['meta of big integers', () => ({ payload: image(), meta: { at: 1n } }), /meta that is no plain data/],
  ['a stream that is a number', () => ({ payload: image(), stream: 3 }), /the number 3 for its stream/],
  ['an id that is an object', () => ({ payload: image(), id: {} }), /an object for its id/],
  [
    'tensors that are none',
    () => ({ payload: { form: 'tensors', at: 'prepared', tensors: [{}] } }),
    /a tensor without/,
  ],
  ['a getter that throws', () => throws('payload'), /^Frame 1 throws when it is read: .*JSON/],
  [
    'bytes whose getter throws',
    () => ({ payload: Object.assign(throws('bytes'), { form: 'image', at: 'captured' }) }),
    /throws when it is read/,
  ],
  ['a proxy that refuses everything', () => proxy(), /^Frame 1 throws when it is read: no entry/],
]

describe('what is no frame is one failed capture, which says which frame and what to give', () => {
  it.each(wrong)('%s', (_name, make, sentence) => {
    const read = readCapture(make(), 1)
    expect(read).toMatchObject({ error: { code: 'bad-input', message: expect.stringMatching(sentence) } })
  })

  it('keeps the names that could be read', () => {
    expect(readCapture({ stream: 'left', id: 'x', payload: null }, 3)).toMatchObject({ stream: 'left', id: 'x' })
    expect(readCapture({ error: 'torn', stream: 'left' }, 3)).toEqual({ error: 'torn', stream: 'left' })
    expect(readCapture({ error: undefined }, 3)).toEqual({ error: undefined })
  })
})

describe('a frame', () => {
  it('is read once: getters are called here and never again', () => {
    let reads = 0
    const payload = Object.defineProperty(image(), 'bytes', {
      enumerable: true,
      get: () => {
        reads++
        return jpeg()
      },
    })
    const read = readCapture({ payload, ms: 3 }, 1) as { payload: { bytes: Uint8Array } }
    const after = reads
    expect([...read.payload.bytes, ...read.payload.bytes]).toHaveLength(8)
    expect(reads).toBe(after)
  })

  it('of another realm is one as well, and is one of this realm behind it', () => {
    const foreign = runInNewContext('Uint8Array.of(1, 2, 3)') as Uint8Array
    expect(foreign instanceof Uint8Array).toBe(false)
    const read = readCapture({ payload: image({ bytes: foreign }) }, 1) as { payload: { bytes: Uint8Array } }
    expect(read.payload.bytes).toBeInstanceOf(Uint8Array)
    expect([...read.payload.bytes]).toEqual([1, 2, 3])
  })

  it('is copied where that is asked for, and only then', () => {
    const bytes = Buffer.from([1, 2, 3])
    const kept = readCapture({ payload: image({ bytes }) }, 1) as { payload: { bytes: Uint8Array } }
    const copied = readCapture({ payload: image({ bytes }) }, 1, true) as { payload: { bytes: Uint8Array } }
    bytes.fill(9)
    expect([...kept.payload.bytes]).toEqual([9, 9, 9])
    expect([...copied.payload.bytes]).toEqual([1, 2, 3])
    const shared = readCapture({ payload: image({ bytes: new Uint8Array(new SharedArrayBuffer(2)) }) }, 1, true)
    expect(shared).toMatchObject({ payload: { bytes: new Uint8Array(2) } })
  })
})

describe('a source that gives anything at all', () => {
  const uncaught: unknown[] = []
  const hear = (error: unknown) => void uncaught.push(error)
  beforeEach(() => {
    uncaught.length = 0
    process.on('uncaughtException', hear)
    process.on('unhandledRejection', hear)
  })
  afterEach(() => {
    process.off('uncaughtException', hear)
    process.off('unhandledRejection', hear)
  })
  const good = 3
  // Of an iterable, promises are waited for.
  const wrongOnes = wrong.filter(([name]) => name !== 'a promise')
  /** A good frame before, between and behind. */
  const mixed = (): Frame[] =>
    [
      jpeg(),
      ...wrongOnes.slice(0, 12).map(([, make]) => make()),
      jpeg(),
      ...wrongOnes.slice(12).map(([, make]) => make()),
      jpeg(),
    ] as Frame[]
  const sources = [
    ['a list', () => capture(mixed())],
    ['a list said to be live', () => capture(mixed(), { live: true })],
    [
      'an async iterable',
      () =>
        capture({
          [Symbol.asyncIterator]: () => {
            const frames = mixed()[Symbol.iterator]()
            return { next: async () => frames.next() }
          },
        }),
    ],
  ] as const

  it.each(sources)(
    '%s: as many failures as wrong frames, the good ones answered, nothing uncaught',
    async (_name, make) => {
      const { answers, counts, failures, error } = await collect(
        pipeline('any', { window: 64 }, make(), answering()).run(),
      )
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(uncaught).toEqual([])
      expect(error).toBeUndefined()
      expect(answers).toHaveLength(good)
      expect(counts).toEqual({ in: wrongOnes.length + good, results: good, failures: wrongOnes.length, dropped: 0 })
      expect(failures.every((failed) => failed.error instanceof QuintetError)).toBe(true)
      // Numbered by what the source gave.
      expect(failures[0]?.error.message).toMatch(/^Frame 2 is null/)
    },
  )

  it('an observable: the same, and it goes on being watched', async () => {
    const shown = new Subject<Frame>()
    const running = pipeline('any', { window: 64 }, capture(shown), answering()).run()
    const settled: Item[] = []
    running.events.stream.subscribe((event) => event.type === 'settled' && settled.push(event.item))
    const read = collect(running)
    await vi.waitFor(() => expect(shown.observed).toBe(true))
    for (const frame of mixed()) shown.next(frame)
    expect(shown.observed).toBe(true)
    shown.complete()
    const { answers, counts } = await read
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(uncaught).toEqual([])
    expect(answers).toHaveLength(good)
    expect(counts).toMatchObject({ in: wrongOnes.length + good, results: good, failures: wrongOnes.length })
    expect(settled.filter((item): item is Failure => item.kind === 'failure')).toHaveLength(wrongOnes.length)
  })

  it('promises of a list are waited for, and one that rejects is one failed capture', async () => {
    const frames = [jpeg(), Promise.reject(new Error('lost')), Promise.resolve(jpeg()), Promise.reject('torn'), jpeg()]
    const { answers, failures } = await collect(pipeline('any', {}, capture(frames as Frame[]), answering()).run())
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(uncaught).toEqual([])
    expect(answers.map(({ seq }) => seq)).toEqual([0, 2, 4])
    expect(failures.map(({ error }) => error.message)).toEqual([
      expect.stringContaining('lost'),
      expect.stringContaining('torn'),
    ])
  })

  it('a source that is none is refused where it is composed', () => {
    for (const source of [[jpeg()], null, undefined, 'camera', { kind: 'pull' }, () => jpeg()]) {
      expect(() => pipeline('any', {}, source as never, answering())).toThrow(BadConfiguration)
    }
  })
})
