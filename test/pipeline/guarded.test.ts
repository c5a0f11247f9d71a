import { filter, map, Observable, Subject, take } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Guarded } from '../../pipeline/guarded.ts'
import {
  type Decider,
  decide,
  type Item,
  type PipelineEvent,
  pipeline,
  StageFailed,
  stage,
} from '../../pipeline/index.ts'
import { answering, collect, fakeClock, frames } from '../../pipeline/testing/index.ts'

const uncaught: unknown[] = []
const hear = (error: unknown) => void uncaught.push(error)
beforeEach(() => {
  uncaught.length = 0
  process.on('uncaughtException', hear)
  process.on('unhandledRejection', hear)
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(async () => {
  // RxJS reports what it caught on a timer.
  await new Promise((resolve) => setTimeout(resolve, 5))
  process.off('uncaughtException', hear)
  process.off('unhandledRejection', hear)
  vi.restoreAllMocks()
  expect(uncaught).toEqual([])
})
/** An object that says it is a promise, or is none: what the linter warns of is the point here. */
const thenable = (then: PropertyDescriptor) => Object.defineProperty({}, 'then', then)
const boom = (): never => {
  throw new Error('boom')
}

describe('a guarded stream', () => {
  it('goes on when its reader throws, whichever way it is read', () => {
    const subject = new Subject<number>()
    const caught: unknown[] = []
    const stream = Guarded.of(subject, (error) => caught.push(error))
    let seen = 0
    stream.subscribe(() => {
      seen++
      boom()
    })
    stream.subscribe({ next: boom, complete: boom })
    stream
      .pipe(
        filter((n) => n > 1),
        map((n) => n * 2),
      )
      .subscribe(boom)
    stream.pipe(map(boom)).subscribe()
    stream.pipe(take(1)).subscribe({ complete: boom })
    for (const n of [1, 2, 3]) subject.next(n)
    subject.complete()
    expect(seen).toBe(3)
    expect(caught).toHaveLength(3 + 4 + 2 + 1 + 1)
  })

  it('gives each reader its values, its end and its error', () => {
    const heard: unknown[] = []
    const stream = new Guarded<number>((to) => {
      to.next(1)
      to.error('over')
    }, boom)
    stream.subscribe({ next: (n) => heard.push(n), error: (error) => heard.push(error) })
    expect(heard).toEqual([1, 'over'])
  })
})

describe('a listener of events that throws', () => {
  it('ends nothing: it is heard of as a fault, on the console once, and all is answered', async () => {
    const running = pipeline('a', {}, frames(5), answering()).run()
    const told: PipelineEvent[] = []
    running.events.stream.subscribe(boom)
    running.events.stream.pipe(map((event) => event.type)).subscribe({ next: boom })
    running.events.stream.subscribe((event) => told.push(event))
    const { counts } = await collect(running)
    expect(counts).toEqual({ in: 5, results: 5, failures: 0, dropped: 0 })
    expect(told.filter((event) => event.type === 'fault' && event.where === 'listener').length).toBeGreaterThan(0)
    expect(console.warn).toHaveBeenCalledTimes(1)
  })
})

/** Composes what the types would not let through: the faults are the point. */
const composed = pipeline as unknown as (...all: unknown[]) => ReturnType<typeof pipeline>

/** What a user's stage may do in the place of an answer. */
const strange: readonly (readonly [string, () => unknown])[] = [
  ['nothing', () => undefined],
  ['null', () => null],
  ['a string', () => 'mug'],
  ['an object without a form', () => ({ label: 'mug' })],
  ['an item of another message', () => ({ kind: 'message', id: 'x', source: 'a.b', payload: { form: 'result' } })],
  ['a message without a payload', () => ({ kind: 'message', id: 'x', source: 'a.b' })],
  ['an item of no kind', () => ({ kind: 'surprise' })],
  ['a result without a score', () => ({ form: 'result', at: 'answered', label: 'mug', top: [] })],
  [
    'a result that throws when it is read',
    () => ({
      form: 'result',
      get label() {
        return boom()
      },
    }),
  ],
  ['a proxy', () => new Proxy({}, { get: boom, has: boom, getPrototypeOf: boom })],
  ['a promise of null', async () => null],
  [
    'a promise of another library',
    () => thenable({ value: (_: unknown, reject: (error: unknown) => void) => reject('torn') }),
  ],
  ['a then that throws', () => thenable({ get: boom })],
  [
    'throwing nothing',
    () => {
      throw undefined
    },
  ],
  [
    'throwing an object that cannot be written',
    () => {
      throw Object.create(null)
    },
  ],
  [
    'throwing a proxy',
    () => {
      throw new Proxy({}, { get: boom, getPrototypeOf: boom })
    },
  ],
  [
    'rejecting with a symbol',
    async () => {
      throw Symbol('no')
    },
  ],
]

describe('whatever a user’s stage gives or throws', () => {
  it.each(strange)('%s is a failure of that message alone', async (_name, work) => {
    const odd = stage('odd', (message) => (message.seq % 2 === 1 ? (work() as never) : message))
    const { counts, failures } = await collect(composed('a', {}, frames(4), odd, answering()).run())
    expect(counts).toEqual({ in: 4, results: 2, failures: 2, dropped: 0 })
    for (const { error } of failures) expect(error).toBeInstanceOf(StageFailed)
  })
})

describe('an operator of the user’s', () => {
  /** Gives something else in the place of every second item. */
  const spoiling = (what: () => unknown) => (source: Observable<Item>) =>
    source.pipe(map((item) => (item.seq % 2 === 1 ? (what() as Item) : item)))

  it.each([null, undefined, 'text', 7, {}, { kind: 'message' }])(
    'that gives %s loses that message, which fails when its time is over; the others are answered',
    async (what) => {
      const clock = fakeClock()
      const running = composed(
        'a',
        { clock, deadline: 100 },
        frames(4),
        spoiling(() => what),
        answering(),
      ).run()
      const all = collect(running)
      await clock.advance(5000)
      const { counts, failures, events } = await all
      expect(counts).toEqual({ in: 4, results: 2, failures: 2, dropped: 0 })
      expect(failures.map(({ error }) => error.code)).toEqual(['deadline-exceeded', 'deadline-exceeded'])
      expect(events.filter((event) => event.type === 'fault')).toHaveLength(2)
    },
  )

  it('whose own callbacks throw ends nothing', async () => {
    const clock = fakeClock()
    const raw = (source: Observable<Item>) =>
      new Observable<Item>((to) =>
        source.subscribe((item) => {
          if (item.seq === 1) boom()
          to.next(item)
        }),
      )
    const all = collect(composed('a', { clock, deadline: 100 }, frames(3), raw, answering()).run())
    await clock.advance(5000)
    const { counts } = await all
    expect(counts).toEqual({ in: 3, results: 2, failures: 1, dropped: 0 })
  })
})

describe('a decider', () => {
  const decider = (change: object) => ({
    name: 'odd',
    decide: (_r: unknown, _w: unknown, menu: unknown) => menu,
    ...change,
  })
  it.each([
    ['decides null', { decide: () => null }, 'bad-configuration'],
    ['decides a string', { decide: () => 'answered' }, 'bad-configuration'],
    ['leaves a list out', { decide: () => ({}) }, 'bad-configuration'],
    ['throws', { decide: boom }, 'stage-failed'],
    ['throws when it explains', { explain: boom }, 'stage-failed'],
  ])('that %s fails those messages by name', async (_name, change, code) => {
    const flow = composed('a', { explain: true }, frames(3), decide(decider(change) as unknown as Decider), answering())
    const { counts, failures } = await collect(flow.run())
    expect(counts).toEqual({ in: 3, results: 0, failures: 3, dropped: 0 })
    expect(new Set(failures.map(({ error }) => error.code))).toEqual(new Set([code]))
  })
})
