import { describe, expect, it } from 'vitest'
import { BadMessage, packFrame } from '../../../pipeline/index.ts'
import { readDown, readUp } from '../../../pipeline/wire/hand-over.ts'
import { type Down, readChunk, type Up } from '../../../pipeline/wire/protocol.ts'

const message: Extract<Up, { kind: 'message' }>['message'] = {
  id: 'm1',
  source: 'phone.main',
  seq: 0,
  budget: 1000,
  elapsed: 5,
  attempt: 1,
  plan: { model: 'm' },
  open: {},
  timings: {},
  payload: {
    form: 'tensors',
    at: 'prepared',
    tensors: [
      { name: 'a', type: 'uint8', shape: [1] },
      { name: 'b', type: 'uint8', shape: [1] },
    ],
  },
}
const load = { pending: 1, capacity: 2 }
const { plan, timings, payload } = message

const ups: readonly Up[] = [
  { kind: 'message', message },
  { kind: 'offer', message, sizes: [1, 1], chunk: 131_072 },
  { kind: 'cancel', id: 'm1' },
  { kind: 'probe' },
]
const downs: readonly Down[] = [
  { kind: 'accept', node: 'n' },
  { kind: 'working', node: 'n' },
  { kind: 'ack', node: 'n', index: 3 },
  { kind: 'result', node: 'n', outcome: { plan, timings, payload }, residence: 1, load },
  { kind: 'failure', node: 'n', code: 'bad-input', reason: 'why', retryable: false, stage: 's', residence: 0 },
  { kind: 'refused', node: 'n', reason: 'full', load },
  { kind: 'probed', node: 'n', load },
  { kind: 'dropped', node: 'n', reason: 'stale' },
]
const chunk = { index: 7 }

const kinds: readonly (readonly [
  string,
  object,
  (data: ReturnType<typeof packFrame>) => { readonly header: unknown },
])[] = [
  ...ups.map((header) => [header.kind, header, (data: ReturnType<typeof packFrame>) => readUp(data)] as const),
  ...downs.map((header) => [header.kind, header, (data: ReturnType<typeof packFrame>) => readDown(data)] as const),
  ['chunk', chunk, (data) => readChunk(data)],
]

/** The same with a field more in every object there is. */
function withMore(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMore)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, inner]) => [name, withMore(inner)])
  return { ...Object.fromEntries(fields), lens: { focal: [4] } }
}

describe('a frame of a newer release', () => {
  it.each(kinds)('is read without the fields that are not known here: %s', (_kind, header, read) => {
    expect(read(packFrame(withMore(header) as object)).header).toEqual(header)
  })

  it.each(kinds)('is refused by the name of a field that must be understood and is not: %s', (_kind, header, read) => {
    expect(() => read(packFrame({ ...header, region: 'north', must: ['region'] }))).toThrow(BadMessage)
    expect(() => read(packFrame({ ...header, region: 'north', must: ['region'] }))).toThrow(
      /"region" must be understood/,
    )
  })

  it.each(kinds)('is read where all that must be understood is: %s', (_kind, header, read) => {
    expect(read(packFrame({ ...header, must: [Object.keys(header).at(-1)] })).header).toEqual(header)
  })

  it('may be tried elsewhere where it is refused for a field: another node may know it', () => {
    const unknown = packFrame({ kind: 'probe', region: 1, must: ['region'] })
    expect(() => readUp(unknown)).toThrow(expect.objectContaining({ code: 'bad-message', retryable: true }))
  })

  it('names fields by the way to them, through lists in every entry', () => {
    const { tensors } = message.payload as Extract<typeof message.payload, { form: 'tensors' }>
    const sent = (must: readonly string[], last = {}) => {
      const changed = tensors.map((one, at) => (at === 1 ? { ...one, ...last } : one))
      return packFrame({
        kind: 'message',
        message: { ...message, payload: { ...message.payload, tensors: changed } },
        must,
      })
    }
    expect(readUp(sent(['message.payload.tensors.shape', 'message.plan.model'])).header).toMatchObject({ message })
    expect(() => readUp(sent(['message.payload.tensors.scale'], { scale: 2 }))).toThrow(/tensors\.scale" must be/)
    expect(() => readUp(sent(['message.plan.model', 'message.plan.budget']))).toThrow(
      /"message\.plan\.budget".*no such/,
    )
  })

  it.each([
    ['no list', 'region'],
    ['a list of other things', [1]],
    ['a list with no end', Array.from({ length: 17 }, () => 'kind')],
    ['a name with no end', ['k'.repeat(257)]],
    ['what every object has', ['constructor']],
  ])('is refused where what must be understood is %s', (_what, must) => {
    expect(() => readUp(packFrame({ kind: 'probe', must }))).toThrow(BadMessage)
  })

  it('is refused by the name of a kind that is not known here, also within', () => {
    expect(() => readUp(packFrame({ kind: 'poem' }))).toThrow(/"kind".*"poem".*not known here/)
    expect(() => readDown(packFrame({ kind: 'song', node: 'n' }))).toThrow(/"kind".*"song"/)
    const film = { kind: 'message', message: { ...message, payload: { form: 'film', at: 'captured' } } }
    expect(() => readUp(packFrame(film))).toThrow(/"message\.payload\.form".*"film"/)
    expect(() => readUp(packFrame({ kind: undefined }))).toThrow(BadMessage)
    expect(() => readUp(packFrame({}))).toThrow(BadMessage)
  })
})
