import { firstValueFrom, from, Subject, take, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import {
  amend,
  asStage,
  BadConfiguration,
  Cancellation,
  Cancelled,
  DeadlineExceeded,
  Events,
  type Failure,
  filter,
  type Item,
  type Message,
  type PipelineEvent,
  Refused,
  type Stage,
  StageFailed,
  sleep,
  stage,
  standaloneContext,
  type Unchanging,
  workStage,
} from '../../pipeline/index.ts'
import { RemainingWork } from '../../pipeline/remaining.ts'
import {
  delaying,
  droppedItem,
  failing,
  failureItem,
  fakeClock,
  imageMessage,
  passThrough,
  playMarbles,
  resultPayload,
  runStage,
  settled,
} from '../../pipeline/testing/index.ts'

const cancelled = () => {
  const cancellation = new Cancellation()
  cancellation.cancel()
  return cancellation
}

const items = {
  a: imageMessage({ n: 0 }),
  b: imageMessage({ n: 1 }),
  c: imageMessage({ n: 2 }),
  x: imageMessage({ n: 10, source: 'device.other' }),
  f: failureItem({ n: 5 }),
  d: droppedItem({ n: 6 }),
}
/** The first message takes longest. */
const firstIsSlow = (options?: Parameters<typeof delaying>[1]) => delaying(({ seq }) => (seq === 0 ? 40 : 10), options)

/** A stage on a clock of its own, fed by hand. */
async function bench(unit: Unchanging | Stage, change: Parameters<typeof standaloneContext>[0] = {}) {
  const clock = fakeClock()
  const events = new Events()
  const seen: PipelineEvent[] = []
  events.stream.subscribe((event) => seen.push(event))
  const open = await unit.definition.open(standaloneContext({ clock, events, ...change }))
  const input = new Subject<Item>()
  const out: Item[] = []
  let completed = false
  const subscription = input.pipe(open.operator).subscribe({
    next: (item) => out.push(item),
    complete: () => {
      completed = true
    },
  })
  return { clock, seen, open, input, out, subscription, completed: () => completed }
}

const errorOf = (item: Item | undefined) => (item as Failure).error

describe('a stage', () => {
  it('that answers at once costs no time, no timer and no promise', async () => {
    const { clock, input, out } = await bench(passThrough())
    input.next(items.a)
    expect(out).toEqual([items.a])
    expect(clock.pending).toBe(0)
  })

  it('gives what it makes to the message, which keeps everything else', async () => {
    const answer = resultPayload()
    const [out] = await runStage(
      stage('answer', () => answer),
      [items.a],
    )
    expect(out).toEqual({ ...items.a, payload: answer })
  })

  it('works on one message at a time unless told otherwise', async () => {
    expect(await playMarbles(delaying(20), '(abc)|', items)).toBe('--a-b-(c|)')
  })

  it('works on as many at once as it is allowed, and on no more', async () => {
    let now = 0
    let most = 0
    const counting = amend(
      'counting',
      async (message, { context, signal }) => {
        most = Math.max(most, ++now)
        await sleep(context.clock, 20, signal)
        now--
        return message
      },
      { concurrency: 2 },
    )
    expect(await playMarbles(counting, '(abc)|', items)).toBe('--(ab)-(c|)')
    expect(most).toBe(2)
  })

  it('begins first what is due first of those that wait', async () => {
    const { clock, input, out } = await bench(delaying(10))
    for (const [n, expires] of [1000, 900, 500, 700, 500].entries()) {
      input.next(imageMessage({ n, source: `device.${n}`, expires }))
    }
    await clock.advance(60)
    expect(out.map(({ id }) => id)).toEqual(['m0', 'm2', 'm4', 'm3', 'm1'])
  })

  it('does not begin what has waited and, by what its calls take, cannot be done in time any more', async () => {
    const begun: string[] = []
    const work = amend(
      'work',
      async (message, { context, signal }) => {
        begun.push(message.id)
        await sleep(context.clock, 20, signal)
        return message
      },
      { step: 'device' },
    )
    const { clock, input, out } = await bench(work)
    const at = (n: number, expires: number) => input.next(imageMessage({ n, source: `device.${n}`, expires }))
    at(0, 1000)
    await clock.advance(20)
    at(1, 1000)
    at(2, 55)
    at(3, 70)
    await clock.advance(60)
    expect(begun).toEqual(['m0', 'm1', 'm3'])
    expect(out.map(({ id, kind }) => [id, kind])).toEqual([
      ['m0', 'message'],
      ['m1', 'message'],
      ['m2', 'failure'],
      ['m3', 'message'],
    ])
    expect(errorOf(out[2])).toBeInstanceOf(DeadlineExceeded)
  })

  it('counts what the steps behind it take at least when it asks whether to begin', async () => {
    const remaining = new RemainingWork()
    remaining.observe({ transfer: 50, execute: 30 })
    const { clock, input, out } = await bench(delaying(20, { step: 'device' }), { remaining })
    const at = (n: number, expires: number) => input.next(imageMessage({ n, source: `device.${n}`, expires }))
    at(0, 1000)
    await clock.advance(20)
    at(1, 1000)
    at(2, 20 + 20 + 20 + 75)
    at(3, 20 + 20 + 20 + 85)
    await clock.advance(60)
    expect(out.map(({ id, kind }) => [id, kind])).toContainEqual(['m2', 'failure'])
    expect(out.map(({ id, kind }) => [id, kind])).toContainEqual(['m3', 'message'])
  })

  it('begins what need not wait, however little time it has: only so a change for the better is seen', async () => {
    const ms = [200, 5]
    const work = delaying(() => ms.shift() as number, { step: 'device' })
    const { clock, input, out } = await bench(work)
    input.next(imageMessage({ n: 0, expires: 1000 }))
    await clock.advance(200)
    input.next(imageMessage({ n: 1, expires: 250 }))
    await clock.advance(10)
    expect(out.map(({ kind }) => kind)).toEqual(['message', 'message'])
  })

  it('may be told by its context how many it works on at once', async () => {
    const told = delaying(20, { concurrency: ({ executors }) => executors ?? 1 })
    expect(await playMarbles(told, '(abc)|', items, { context: { executors: 3 } })).toBe('--(abc|)')
  })

  it('cannot be told to work on nothing', () => {
    for (const concurrency of [0, -1, Number.NaN]) {
      expect(() => delaying(1, { concurrency })).toThrow(BadConfiguration)
    }
  })

  it('keeps the order of each source, and makes no source wait for another', async () => {
    expect(await playMarbles(firstIsSlow({ concurrency: 8 }), '(abx)|', items)).toBe('-x--(ab|)')
  })

  it('lets messages leave as they are done where order is "none"', async () => {
    expect(await playMarbles(firstIsSlow({ concurrency: 8, order: 'none' }), '(ab)|', items)).toBe('-b--(a|)')
    const context = { order: 'none' as const }
    expect(await playMarbles(firstIsSlow({ concurrency: 8 }), '(ab)|', items, { context })).toBe('-b--(a|)')
  })

  it('passes failures and drops untouched, in their place behind what came before them', async () => {
    expect(await playMarbles(delaying(20), '(afdb)|', items)).toBe('--(aF~d)-(b|)')
    const [failed, dropped] = await runStage(delaying(20), [items.f, items.d])
    expect([failed, dropped]).toEqual([items.f, items.d])
    expect(failed).toBe(items.f)
  })

  it('does not let a failed message overtake, nor hold up, its source', async () => {
    const failsLate = amend(
      'late',
      async (message, { context, signal }) => {
        await sleep(context.clock, message.seq === 1 ? 10 : 30, signal)
        if (message.seq === 1) throw new Error('no')
        return message
      },
      { concurrency: 8 },
    )
    expect(await playMarbles(failsLate, '(abc)|', items)).toBe('---(aBc|)')
  })

  it('keeps order when what it lets out brings the next message in', async () => {
    const clock = fakeClock()
    const open = await delaying(({ seq }) => 50 - seq, { concurrency: 3 }).definition.open(standaloneContext({ clock }))
    const input = new Subject<Item>()
    const out: string[] = []
    input.pipe(open.operator).subscribe((item) => {
      out.push(item.id)
      if (item.id === 'm0') input.next(failureItem({ n: 2 }))
    })
    input.next(imageMessage({ n: 0 }))
    input.next(imageMessage({ n: 1 }))
    await clock.advance(100)
    expect(out).toEqual(['m0', 'm1', 'm2'])
  })

  it('completes only when everything has left', async () => {
    const { clock, input, out, completed } = await bench(delaying(20))
    input.next(items.a)
    input.next(items.b)
    input.complete()
    await clock.advance(39)
    expect(completed()).toBe(false)
    await clock.advance(1)
    expect(completed()).toBe(true)
    expect(out).toHaveLength(2)
  })

  it('books its time on its step, by the side it runs on, and adds up', async () => {
    const step = (side: string) => (side === 'device' ? ('device' as const) : ('cloud' as const))
    const timed = { ...items.a, timings: { cloud: 5 } }
    const above = await bench(delaying(20, { step }))
    above.input.next(timed)
    await above.clock.advance(20)
    expect((above.out[0] as Message).timings).toEqual({ cloud: 5, device: 20 })
    const below = await bench(delaying(20, { step }), { side: 'cloud' })
    below.input.next(timed)
    await below.clock.advance(20)
    expect((below.out[0] as Message).timings).toEqual({ cloud: 25 })
  })
})

describe('what goes wrong in a stage', () => {
  it('fails that message alone, with the error and the name of the stage, thrown at once or later', async () => {
    const later = amend('later', async (message) => {
      await Promise.resolve()
      if (message.seq === 0) throw new Refused('busy')
      return message
    })
    const out = await runStage(later, [items.a, items.b])
    expect(out).toMatchObject([{ kind: 'failure', id: 'm0', stage: 'later' }, { kind: 'message' }])
    expect(errorOf(out[0])).toBeInstanceOf(Refused)
    const [atOnce] = await runStage(failing(1), [items.a])
    expect(errorOf(atOnce)).toBeInstanceOf(StageFailed)
    expect((errorOf(atOnce).cause as Error).message).toContain('on purpose')
  })

  it('fails a message whose function returns nothing that could flow on', async () => {
    for (const work of [() => undefined, async () => undefined, () => 'text']) {
      const [out] = await runStage(amend('careless', work as never), [items.a])
      expect(errorOf(out)).toBeInstanceOf(StageFailed)
      expect(errorOf(out).message).toContain('careless')
    }
  })

  it('fails a message that takes longer than the stage allows, and tells the function', async () => {
    let signal: AbortSignal | undefined
    const slow = amend(
      'slow',
      (_message, call) => {
        signal = call.signal
        return new Promise<never>(() => {})
      },
      { timeout: 30 },
    )
    const { clock, input, out } = await bench(slow)
    input.next(items.a)
    await clock.advance(29)
    expect(out).toEqual([])
    expect(signal?.aborted).toBe(false)
    await clock.advance(1)
    expect(errorOf(out[0])).toBeInstanceOf(DeadlineExceeded)
    expect(signal?.reason).toBeInstanceOf(DeadlineExceeded)
    expect(clock.pending).toBe(0)
  })

  it('fails a message when its budget ends, though the stage would allow more', async () => {
    const { clock, input, out } = await bench(delaying(100, { timeout: 90 }))
    input.next(imageMessage({ expires: 40 }))
    await clock.advance(40)
    expect(errorOf(out[0])).toBeInstanceOf(DeadlineExceeded)
  })

  it('tells of an outcome that comes after its message was given up, and lets it go', async () => {
    const { clock, input, out, seen } = await bench(
      amend('deaf', async (message, { context }) => sleep(context.clock, 100).then(() => message), { timeout: 30 }),
    )
    input.next(items.a)
    await clock.advance(100)
    expect(out.map(({ kind }) => kind)).toEqual(['failure'])
    expect(seen).toEqual([{ type: 'late', id: 'm0', stage: 'deaf' }])
  })

  it('does not begin with a message whose budget is over or whom nobody waits for', async () => {
    let calls = 0
    const counting = amend('counting', (message) => {
      calls++
      return message
    })
    const { clock, input, out } = await bench(counting)
    await clock.advance(50)
    input.next(imageMessage({ expires: 50 }))
    input.next(imageMessage({ cancellation: cancelled() }))
    expect(out.map((item) => errorOf(item).code)).toEqual(['deadline-exceeded', 'cancelled'])
    expect(calls).toBe(0)
  })

  it('ends at once when nobody waits for the message any longer; its place is free once its function has ended', async () => {
    const gone = new Cancellation()
    let reason: unknown
    const slow = amend('slow', (message, { context, signal }) => {
      if (message.seq === 1) return message
      signal.addEventListener('abort', () => (reason = signal.reason))
      return sleep(context.clock, 100).then(() => message)
    })
    const { clock, input, out } = await bench(slow)
    input.next(imageMessage({ n: 0, cancellation: gone }))
    input.next(imageMessage({ n: 1 }))
    await clock.advance(10)
    gone.cancel()
    expect(errorOf(out[0])).toBeInstanceOf(Cancelled)
    expect(reason).toBeInstanceOf(Cancelled)
    await clock.advance(89)
    expect(out).toHaveLength(1)
    await clock.advance(1)
    expect(out[1]).toMatchObject({ kind: 'message', id: 'm1' })
    expect(clock.pending).toBe(0)
  })

  it('never works on more at once than it may, however many calls are given up', async () => {
    let [now, most] = [0, 0]
    const deaf = amend(
      'deaf',
      async (message, { context }) => {
        most = Math.max(most, ++now)
        await sleep(context.clock, 100)
        now--
        return message
      },
      { concurrency: 2, timeout: 10 },
    )
    const { clock, input, out } = await bench(deaf)
    for (let n = 0; n < 20; n++) input.next(imageMessage({ n, expires: 450 }))
    await clock.advance(2000)
    expect(most).toBe(2)
    expect(out.map(({ kind }) => kind)).toEqual(Array(20).fill('failure'))
    expect(clock.pending).toBe(0)
  })

  it('lets what waits for a place go at once when its time is over or nobody waits for it', async () => {
    const gone = new Cancellation()
    const { clock, input, out } = await bench(amend('stuck', () => new Promise<never>(() => {}), { order: 'none' }))
    input.next(imageMessage({ n: 0, expires: 1000 }))
    input.next(imageMessage({ n: 1, expires: 50 }))
    input.next(imageMessage({ n: 2, cancellation: gone }))
    gone.cancel()
    await clock.advance(50)
    expect(out.map((item) => [(item as Message).id, errorOf(item).code])).toEqual([
      ['m2', 'cancelled'],
      ['m1', 'deadline-exceeded'],
    ])
  })

  it('is tried again after a pause, as often as allowed, if it may succeed then', async () => {
    let tries = 0
    const thirdTime = amend(
      'third',
      (message) => {
        if (++tries < 3) throw new Refused('busy')
        return message
      },
      { retry: { times: 2, first: 10 } },
    )
    const { clock, input, out } = await bench(thirdTime)
    input.next(items.a)
    await clock.advance(29)
    expect([tries, out.length]).toEqual([2, 0])
    await clock.advance(1)
    expect(out).toEqual([items.a])
    tries = -10
    input.next(items.a)
    await clock.advance(100)
    expect(errorOf(out[1])).toBeInstanceOf(Refused)
    expect(tries).toBe(-7)
  })

  it('is not tried again when that is pointless', async () => {
    let tries = 0
    const never = failing(1, () => new Error(`${++tries}`), { retry: { times: 5 } })
    await runStage(never, [items.a])
    expect(tries).toBe(1)
  })

  it('is not tried again once the time is over, and leaves no timer behind', async () => {
    let tries = 0
    const busy = failing(1, () => new Refused(`${++tries}`), {
      retry: { times: 50, first: 20, factor: 1 },
      timeout: 50,
    })
    const { clock, input, out } = await bench(busy)
    input.next(items.a)
    await clock.advance(50)
    expect(errorOf(out[0])).toBeInstanceOf(DeadlineExceeded)
    expect(tries).toBe(3)
    expect(clock.pending).toBe(0)
  })
})

describe('a stage that nobody listens to any longer', () => {
  it('aborts what it works on, begins nothing new, and leaves no timer behind', async () => {
    const reasons: unknown[] = []
    let begun = 0
    const hanging = amend('hanging', (_message, { signal }) => {
      begun++
      return new Promise<never>(() => signal.addEventListener('abort', () => reasons.push(signal.reason)))
    })
    const { clock, input, out, subscription } = await bench(hanging)
    input.next(items.a)
    input.next(items.b)
    expect(clock.pending).toBe(2)
    subscription.unsubscribe()
    await settled()
    expect(clock.pending).toBe(0)
    expect(reasons).toEqual([expect.any(Cancelled)])
    expect([begun, out.length]).toEqual([1, 0])
  })
})

/** A stage that owns something, opened now or later; tells its life. */
function owning(life: string[], opening?: Promise<void>) {
  const open = () => ({
    work: (message: Message) => {
      life.push(message.id)
      return message
    },
    close: async () => void life.push('closed'),
  })
  return asStage<Unchanging>(workStage('owning', () => (opening ? opening.then(open) : open())))
}

describe('a stage as a plain RxJS operator', () => {
  it('is opened when subscribed, and closed once all has flowed through', async () => {
    const life: string[] = []
    await firstValueFrom(from([items.a, items.b]).pipe(owning(life), toArray()))
    expect(life).toEqual(['m0', 'm1', 'closed'])
  })

  it('is closed when its subscriber leaves, after what flowed has been stopped', async () => {
    const life: string[] = []
    const input = new Subject<Item>()
    const stopped = input.pipe(owning(life), take(1)).subscribe()
    input.next(items.a)
    input.next(items.b)
    expect(stopped.closed).toBe(true)
    expect(life).toEqual(['m0', 'closed'])
  })

  it('loses nothing of a hot source while it opens, and keeps the order', async () => {
    const life: string[] = []
    let open: () => void = () => {}
    const opening = new Promise<void>((resolve) => {
      open = resolve
    })
    const input = new Subject<Item>()
    const out: string[] = []
    let completed = false
    input.pipe(owning(life, opening)).subscribe({
      next: (item) => {
        out.push(item.id)
        // Comes while what was held is being handed on: it is newer than that.
        if (item.id === 'm0') input.next(items.c)
      },
      complete: () => {
        completed = true
      },
    })
    input.next(items.a)
    input.next(items.b)
    expect(out).toEqual([])
    open()
    await settled()
    expect(out).toEqual(['m0', 'm1', 'm2'])
    input.next(items.x)
    expect(out).toEqual(['m0', 'm1', 'm2', 'm10'])
    input.complete()
    await settled()
    expect(completed).toBe(true)
    expect(life.at(-1)).toBe('closed')
  })

  it('that cannot open errors, and lets its source go', async () => {
    const input = new Subject<Item>()
    let error: unknown
    input.pipe(owning([], Promise.reject(new Error('no engine')))).subscribe({ error: (thrown) => (error = thrown) })
    await settled()
    expect(error).toMatchObject({ message: 'no engine' })
    expect(input.observed).toBe(false)
  })

  it('is closed at once when it opens for a subscriber who has left', async () => {
    const life: string[] = []
    let open: () => void = () => {}
    const input = new Subject<Item>()
    const opening = new Promise<void>((resolve) => {
      open = resolve
    })
    input.pipe(owning(life, opening)).subscribe().unsubscribe()
    open()
    await settled()
    expect(life).toEqual(['closed'])
  })

  it('closes what it owns once, however often it is told', async () => {
    const life: string[] = []
    const open = await owning(life).definition.open(standaloneContext())
    await Promise.all([open.close(), open.close()])
    await open.close()
    expect(life).toEqual(['closed'])
  })
})

describe('filter', () => {
  it('drops what it does not accept, counted as filtered, and nothing else', async () => {
    const even = filter((message) => message.seq % 2 === 0)
    const out = await runStage(even, [items.a, items.b, items.f])
    expect(out).toEqual([items.a, expect.objectContaining({ kind: 'dropped', id: 'm1', reason: 'filtered' }), items.f])
  })
})
