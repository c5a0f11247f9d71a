import { lastValueFrom, of, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { BadInput, type Source } from '../../../pipeline/index.ts'
import { capture, type Frame, picture } from '../../../stages/index.ts'

const jpeg = Uint8Array.of(0xff, 0xd8)
const frames: readonly Frame[] = [
  jpeg,
  { id: 'b', stream: 'left', payload: picture(jpeg) },
  { error: new BadInput('torn') },
]
const captures = [{ payload: { form: 'image', at: 'captured', bytes: jpeg } }, frames[1], frames[2]]

async function* slowly(): AsyncGenerator<Frame> {
  yield* frames
}

async function opened(source: Source): Promise<unknown[]> {
  const { signal } = new AbortController()
  if (source.kind === 'live') return lastValueFrom(source.open(signal).pipe(toArray()))
  const all: unknown[] = []
  for await (const one of source.open(signal)) all.push(one)
  return all
}

describe('capture', () => {
  it.each([
    { what: 'an iterable', source: () => capture(frames), kind: 'pull' },
    { what: 'an async iterable', source: () => capture(slowly()), kind: 'pull' },
    { what: 'an observable', source: () => capture(of(...frames)), kind: 'live' },
    { what: 'an iterable said to be live', source: () => capture(frames, { live: true }), kind: 'live' },
    { what: 'an async iterable said to be live', source: () => capture(slowly(), { live: true }), kind: 'live' },
  ])('makes captures of $what; it is a $kind source', async ({ source, kind }) => {
    const made = source()
    expect(made.kind).toBe(kind)
    expect(await opened(made)).toEqual(captures)
  })

  it('asks for a frame only when one is wanted, and lets the frames end when no more are', async () => {
    const happened: string[] = []
    async function* camera(): AsyncGenerator<Frame> {
      try {
        for (;;) {
          happened.push('asked')
          yield jpeg
        }
      } finally {
        happened.push('closed')
      }
    }
    const source = capture(camera())
    if (source.kind !== 'pull') throw new Error(source.kind)
    const iterator = source.open(new AbortController().signal)[Symbol.asyncIterator]()
    expect(happened).toEqual([])
    await iterator.next()
    await iterator.return?.()
    expect(happened).toEqual(['asked', 'closed'])
  })

  it('is named as asked', () => {
    expect([capture([]).name, capture([], { name: 'door' }).name]).toEqual(['capture', 'door'])
  })
})
