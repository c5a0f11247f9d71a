import { lastValueFrom, of, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { BadConfiguration, BadInput, type Source } from '../../../pipeline/index.ts'
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

  it.each([
    [{ life: true }, /life/],
    [{ live: 'yes' }, /live/],
    [{ streams: 0 }, /streams/],
    [{ streams: 2 }, /"streams" of capture\(\) is for live sources/],
    [{ buffer: 5 }, /"buffer" of capture\(\) is for Observables that are not live/],
    [{ name: 7 }, /name/],
  ])('refuses options that are none, or that would go unheard: %s', (options, sentence) => {
    expect(() => capture([], options as never)).toThrow(BadConfiguration)
    expect(() => capture([], options as never)).toThrow(sentence)
  })

  it.each([null, undefined, 'a.jpg', 7, jpeg, Promise.resolve([jpeg]), {}])(
    'refuses %s: no frames come of it',
    (what) => {
      expect(() => capture(what as never)).toThrow(BadConfiguration)
    },
  )

  it('says of an observable that is not live how much may wait', () => {
    expect(capture(of(jpeg), { live: false })).toMatchObject({ kind: 'live', buffer: 256 * 2 ** 20 })
    expect(capture(of(jpeg), { live: false, buffer: 5 })).toMatchObject({ buffer: 5 })
    expect(capture(of(jpeg))).not.toHaveProperty('buffer')
  })

  it('of frames without end said to be live leaves timers their turn, and ends them when nobody watches', async () => {
    let ended = false
    function* endless(): Generator<Frame> {
      try {
        for (;;) yield jpeg
      } finally {
        ended = true
      }
    }
    let seen = 0
    const watching = capture(endless(), { live: true })
      .open(new AbortController().signal)
      .subscribe(() => seen++)
    await new Promise((resolve) => setTimeout(resolve, 20))
    watching.unsubscribe()
    const after = seen
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect([after > 0, seen, ended]).toEqual([true, after, true])
  })
})
