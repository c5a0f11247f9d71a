import fc from 'fast-check'
import { Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { Capture } from '../../../pipeline/index.ts'
import { pipeline } from '../../../pipeline/index.ts'
import { Backlog, Freshest } from '../../../pipeline/running/waiting.ts'
import { answering, camera, collect, delaying, fakeClock } from '../../../pipeline/testing/index.ts'
import { capture, type Frame } from '../../../stages/index.ts'

const frame = (stream: string, at: number) => ({
  capture: { stream, payload: { form: 'image', at: 'captured', bytes: Uint8Array.of(at) } } as Capture,
  at,
})
const name = (waiting: { readonly capture: Capture; readonly at: number } | undefined) =>
  waiting && `${waiting.capture.stream}${waiting.at}`

describe('the freshest frame of each stream waits', () => {
  it('and streams are served in turn, however often one of them comes', () => {
    const waiting = new Freshest(8)
    expect(name(waiting.push(frame('a', 1)))).toBeUndefined()
    expect(name(waiting.push(frame('b', 2)))).toBeUndefined()
    expect(name(waiting.push(frame('a', 3)))).toBe('a1')
    expect(name(waiting.push(frame('a', 4)))).toBe('a3')
    expect(name(waiting.take())).toBe('a4')
    waiting.push(frame('a', 5))
    expect([name(waiting.take()), name(waiting.take()), waiting.take()]).toEqual(['b2', 'a5', undefined])
  })

  it('of at most so many streams: of more, the one that has waited longest goes', () => {
    const waiting = new Freshest(2)
    for (const [at, stream] of ['a', 'b'].entries()) waiting.push(frame(stream, at))
    expect(name(waiting.push(frame('c', 2)))).toBe('a0')
    expect(waiting.size).toBe(2)
  })

  it('and none is lost or given twice, whatever comes', () => {
    const step = fc.oneof(fc.nat(5).map(String), fc.constant(undefined))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, most) => {
        const waiting = new Freshest(most)
        const came: string[] = []
        const left: string[] = []
        for (const [at, stream] of steps.entries()) {
          const out = stream === undefined ? waiting.take() : waiting.push(frame(stream, at))
          if (stream !== undefined) came.push(`${stream}${at}`)
          if (out) left.push(name(out) as string)
          expect(waiting.size).toBeLessThanOrEqual(most)
        }
        for (let out = waiting.take(); out; out = waiting.take()) left.push(name(out) as string)
        expect(left.sort()).toEqual(came.sort())
      }),
    )
  })
})

describe('every frame waits in line', () => {
  it('up to so many bytes, each with a kilobyte for itself; a single one always fits', () => {
    const waiting = new Backlog(2100)
    expect(waiting.push(frame('a', 1))).toBeUndefined()
    expect(waiting.push(frame('a', 2))).toBeUndefined()
    expect(name(waiting.push(frame('b', 3)))).toBe('b3')
    expect([name(waiting.take()), name(waiting.take()), waiting.take()]).toEqual(['a1', 'a2', undefined])
    expect(new Backlog(1).push(frame('a', 1))).toBeUndefined()
  })
})

describe('two cameras on one live source', () => {
  it('get as many answers each, though one shows ten times as many frames', async () => {
    const clock = fakeClock()
    const shown = camera()
    const flow = pipeline('two', { window: 1, clock }, shown, delaying(30), answering())
    const all = collect(flow.run())
    await clock.advance(1)
    for (let tick = 0; tick < 300; tick++) {
      shown.show({ stream: 'fast' })
      if (tick % 10 === 0) shown.show({ stream: 'slow' })
      await clock.advance(3)
    }
    shown.end()
    await clock.advance(200)
    const { answers, counts } = await all
    const of = (stream: string) => answers.filter(({ source }) => source.endsWith(`.${stream}`)).length
    // 900 ms hold 30 turns: slow shows a frame every 30 ms, and gets every second turn.
    expect(of('slow')).toBeGreaterThanOrEqual(14)
    expect(Math.abs(of('slow') - of('fast'))).toBeLessThanOrEqual(2)
    expect(counts.in).toBe(330)
    expect(counts.results + counts.dropped).toBe(330)
  })
})

describe('an observable that is not live', () => {
  const jpeg = Uint8Array.of(0xff, 0xd8)

  it('has every frame answered, in order, though they come at once', async () => {
    const shown = new Subject<Frame>()
    const clock = fakeClock()
    const flow = pipeline('all', { window: 1, clock }, capture(shown, { live: false }), delaying(10), answering())
    const all = collect(flow.run())
    await clock.advance(1)
    for (let n = 0; n < 50; n++) shown.next(jpeg)
    shown.complete()
    await clock.advance(1000)
    const { answers, counts } = await all
    expect(counts).toEqual({ in: 50, results: 50, failures: 0, dropped: 0 })
    expect(answers.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, n) => n))
  })

  it('fails by name what no longer fits', async () => {
    const shown = new Subject<Frame>()
    const clock = fakeClock()
    const source = capture(shown, { live: false, buffer: 5 * 1026 })
    const all = collect(pipeline('all', { window: 1, clock }, source, delaying(10), answering()).run())
    await clock.advance(1)
    for (let n = 0; n < 10; n++) shown.next(jpeg)
    shown.complete()
    await clock.advance(1000)
    const { counts, failures } = await all
    expect(counts).toEqual({ in: 10, results: 6, failures: 4, dropped: 0 })
    for (const { error } of failures)
      expect(error).toMatchObject({ code: 'mailbox-full', message: expect.stringContaining('larger buffer') })
  })

  it('has what waits counted as cancelled when it is stopped', async () => {
    const shown = new Subject<Frame>()
    const clock = fakeClock()
    const running = pipeline(
      'all',
      { window: 1, clock },
      capture(shown, { live: false }),
      delaying(10),
      answering(),
    ).run()
    const all = collect(running)
    await clock.advance(1)
    for (let n = 0; n < 10; n++) shown.next(jpeg)
    void running.drain(100)
    await clock.advance(1000)
    const { counts, failures } = await all
    expect(counts).toEqual({ in: 10, results: 1, failures: 9, dropped: 0 })
    expect(new Set(failures.map(({ error }) => error.code))).toEqual(new Set(['cancelled']))
  })
})
