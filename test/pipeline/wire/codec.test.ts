import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BadMessage,
  Cancellation,
  type ElementType,
  elementBytes,
  join,
  type Message,
  type Parts,
  type Payload,
  packFrame,
  type Tensor,
  unpackFrame,
  WrongShape,
} from '../../../pipeline/index.ts'
import { imageMessage, resultMessage, tensor, tensorsMessage } from '../../../pipeline/testing/index.ts'
import { decodeMessage, encodeMessage, type MessageHeader, messageHeader } from '../../../pipeline/wire/codec.ts'

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,16}$/)
const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
const share = fc.double({ min: 0, max: 1, noNaN: true })
const side = fc.integer({ min: 1, max: 12 })
const bytes = fc.uint8Array({ maxLength: 64 })
const optional = { requiredKeys: [] as [] }
const type = fc.constantFrom(...(Object.keys(elementBytes) as ElementType[]))

const image = fc
  .tuple(bytes, fc.constantFrom('captured', 'prepared'), fc.record({ width: side, height: side }, optional))
  .map(([data, at, size]) => ({ form: 'image', at, bytes: data, ...size }) as Payload)
const pixels = fc
  .tuple(side, side, fc.constantFrom('captured', 'prepared'))
  .map(
    ([width, height, at]) =>
      ({ form: 'pixels', at, width, height, bytes: new Uint8Array(width * height * 3).fill(7) }) as Payload,
  )
const tensors = fc
  .tuple(
    fc.array(fc.tuple(text, fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }), type), {
      minLength: 1,
      maxLength: 5,
    }),
    fc.oneof(
      fc.constant('prepared' as const),
      text.map((layer) => `after:${layer}` as const),
    ),
  )
  .map(([list, at]) => ({ form: 'tensors', at, tensors: list.map(([name, shape, of]) => tensor(name, shape, of)) }))
const result = fc.record(
  {
    form: fc.constant('result'),
    at: fc.constant('answered'),
    model: token,
    label: text,
    score: share,
    top: fc.array(fc.record({ label: text, score: share }), { maxLength: 5 }),
    boxes: fc.array(fc.record({ x: share, y: share, width: share, height: share, label: text, score: share }), {
      maxLength: 3,
    }),
  },
  { requiredKeys: ['form', 'at', 'model', 'label', 'score', 'top'] },
)
const cut = fc.oneof(
  fc.constantFrom('captured', 'prepared', 'answered'),
  text.map((layer) => `after:${layer}`),
)
const target = fc.oneof(
  fc.constant('any'),
  token.map((node) => `node:${node}`),
)
const backup = fc.oneof(
  fc.constant('none'),
  token.map((model) => `model:${model}`),
)

const message = fc.record(
  {
    kind: fc.constant('message'),
    id: token,
    source: fc.tuple(token, token).map((names) => names.join('.')),
    seq: fc.nat(),
    side: fc.constantFrom('device', 'cloud'),
    captured: fc.integer({ min: 0, max: 1000 }),
    expires: fc.integer({ min: 1000, max: 90_000 }),
    payload: fc.oneof(image, pixels, tensors, result),
    plan: fc.record({ model: token, cut, encoding: text, target, backup }, optional),
    open: fc.record(
      {
        models: fc.array(token, { maxLength: 3 }),
        cuts: fc.array(cut, { maxLength: 3 }),
        encodings: fc.array(text, { maxLength: 3 }),
        targets: fc.array(target, { maxLength: 3 }),
        backups: fc.array(backup, { maxLength: 3 }),
      },
      optional,
    ),
    timings: fc.record(
      { capture: fc.nat(1000), device: share, transfer: fc.integer({ min: -50, max: 50 }), load: share },
      optional,
    ),
    attempt: fc.integer({ min: 1, max: 9 }),
    crossing: fc.record({ at: cut, encoding: text, bytes: fc.nat(), node: token }),
  },
  {
    requiredKeys: [
      'kind',
      'id',
      'source',
      'seq',
      'side',
      'captured',
      'expires',
      'payload',
      'plan',
      'open',
      'timings',
      'attempt',
    ],
  },
) as unknown as fc.Arbitrary<Message>

/** Over the wire: packed at the sender's 1000, read at the receiver's 5000. */
function sent(from: Message, socket: (data: Parts) => Parts = (data) => data): Message {
  const { header, parts } = encodeMessage(from, 1000)
  const read = unpackFrame(socket(packFrame(header, parts)))
  return decodeMessage(messageHeader.parse(read.header), read.parts, from.side, 5000)
}

/** As one array, at an offset that nothing is aligned to. */
const joinedAt = (offset: number) => (data: Parts) => {
  const whole = join(data)
  const buffer = new Uint8Array(offset + whole.byteLength)
  buffer.set(whole, offset)
  return [buffer.subarray(offset)]
}

const plain = (one: Message) =>
  JSON.parse(JSON.stringify(one, (_key, value) => (value instanceof Uint8Array ? [...value] : value)))

describe('a message on the wire', () => {
  it('comes back in every form of payload with nothing changed, apart or joined', () => {
    fc.assert(
      fc.property(message, fc.nat(9), (one, offset) => {
        const there = { ...one, captured: one.captured + 4000, expires: one.expires + 4000 }
        expect(plain(sent(one))).toEqual(plain(there))
        expect(plain(sent(one, joinedAt(offset)))).toEqual(plain(there))
      }),
      { numRuns: 300 },
    )
  })

  it('takes its budget and its age along, and no clock', () => {
    const there = sent(imageMessage({ captured: 400, expires: 1700 }))
    expect([5000 - there.captured, there.expires - 5000]).toEqual([600, 700])
    expect(sent(imageMessage({ captured: 0, expires: 500 })).expires).toBe(5000)
  })

  it('leaves behind what only the device may hold: the cancellation and the original', () => {
    const one = imageMessage({ cancellation: new Cancellation() })
    const { header } = encodeMessage({ ...one, original: one.payload }, 0)
    expect(header).not.toHaveProperty('cancellation')
    expect(header).not.toHaveProperty('original')
  })

  it('shares its bytes: apart they are the very same, joined they are views', () => {
    const { payload } = imageMessage()
    const apart = sent(imageMessage()).payload as typeof payload
    expect(apart.bytes).toEqual(payload.bytes)
    const one = imageMessage({}, { bytes: new Uint8Array(64) })
    expect((sent(one).payload as typeof payload).bytes).toBe(one.payload.bytes)
    let arrived: Parts = []
    const joined = sent(one, (data) => {
      arrived = joinedAt(0)(data)
      return arrived
    })
    expect((joined.payload as typeof payload).bytes.buffer).toBe(arrived[0]?.buffer)
  })

  it('has its tensors aligned, copying one only where it must', () => {
    const all = (Object.keys(elementBytes) as ElementType[]).map((of, n) => tensor(`t${n}`, [3], of))
    for (let offset = 0; offset < 8; offset++) {
      let arrived: Parts = []
      const there = sent(tensorsMessage({}, all), (data) => {
        arrived = joinedAt(offset)(data)
        return arrived
      })
      for (const one of (there.payload as { tensors: readonly Tensor[] }).tensors) {
        expect(one.bytes.byteOffset % elementBytes[one.type]).toBe(0)
        expect([...one.bytes]).toEqual([...tensor(one.name, one.shape, one.type).bytes])
        if (elementBytes[one.type] === 1) expect(one.bytes.buffer).toBe(arrived[0]?.buffer)
      }
    }
  })

  it('lets a tensor that is aligned where it arrived stay there', () => {
    const stays = [0, 1, 2, 3].filter((offset) => {
      let arrived: Parts = []
      const there = sent(tensorsMessage(), (data) => {
        arrived = joinedAt(offset)(data)
        return arrived
      })
      const [only] = (there.payload as { tensors: readonly Tensor[] }).tensors
      return only?.bytes.buffer === arrived[0]?.buffer
    })
    // A float32 is aligned at one of any four neighbouring offsets; at the other three it is copied.
    expect(stays).toHaveLength(1)
  })
})

describe('a message that does not fit together', () => {
  const header = (one: Message) => encodeMessage(one, 0).header

  it('is refused when parts are missing or too many', () => {
    const part = Uint8Array.of(1)
    for (const [one, parts] of [
      [imageMessage(), []],
      [imageMessage(), [part, part]],
      [resultMessage(), [part]],
      [tensorsMessage({}, [tensor('a', [1]), tensor('b', [1])]), [new Uint8Array(4)]],
    ] as const) {
      expect(() => decodeMessage(header(one), parts, 'cloud', 0)).toThrow(BadMessage)
    }
  })

  it('is refused when bytes do not fill the shape that is claimed', () => {
    expect(() => decodeMessage(header(tensorsMessage()), [new Uint8Array(15)], 'cloud', 0)).toThrow(WrongShape)
    const pixels = { form: 'pixels', at: 'captured', width: 2, height: 2, bytes: new Uint8Array(12) } as const
    const claimed = header({ ...imageMessage(), payload: pixels })
    expect(() => decodeMessage(claimed, [new Uint8Array(11)], 'cloud', 0)).toThrow(WrongShape)
  })

  it('is refused when tensors stand where tensors cannot', () => {
    const claimed = header(tensorsMessage())
    for (const at of ['captured', 'answered'] as const) {
      const wrong = { ...claimed, payload: { ...claimed.payload, at } } as MessageHeader
      expect(() => decodeMessage(wrong, [new Uint8Array(16)], 'cloud', 0)).toThrow(BadMessage)
    }
  })

  it('has no header of a name, number or length that nobody would send', () => {
    const good = header(imageMessage())
    const wrong: Record<string, unknown>[] = [
      { id: 'a b' },
      { id: '' },
      { id: 'x'.repeat(65) },
      { source: 'device' },
      { source: 'a.b.c' },
      { source: 'a.>' },
      { seq: -1 },
      { seq: 0.5 },
      { budget: -1 },
      { budget: Number.NaN },
      { budget: 86_400_001 },
      { attempt: 0 },
      { plan: { cut: 'somewhere' } },
      { plan: { model: '../secret' } },
      { plan: { target: 'everywhere' } },
      { open: { models: 'all' } },
      { payload: { form: 'image', at: 'answered' } },
      { payload: { form: 'image', at: 'captured', width: 1e9 } },
      { payload: { form: 'poem', at: 'captured' } },
      { crossing: { at: 'captured', encoding: 'jpeg', bytes: -1, node: 'a' } },
    ]
    for (const change of wrong) {
      expect(messageHeader.safeParse({ ...good, ...change }).success, JSON.stringify(change)).toBe(false)
    }
    expect(messageHeader.safeParse(good).success).toBe(true)
  })

  it('never crashes a reader, whatever the header says: BadMessage, WrongShape, or a message', () => {
    fc.assert(
      fc.property(message, fc.array(bytes, { maxLength: 4 }), (one, parts) => {
        try {
          decodeMessage(encodeMessage(one, 0).header, parts, 'cloud', 0)
        } catch (error) {
          expect(['BadMessage', 'WrongShape']).toContain((error as Error).name)
        }
      }),
    )
  })
})
