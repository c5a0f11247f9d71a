import { EMPTY, take, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryBroker, memoryTransport } from '../../adapters/memory/index.ts'
import {
  amend,
  BadConfiguration,
  BadInput,
  Cancelled,
  type Capture,
  DeadlineExceeded,
  type Decider,
  decide,
  hop,
  type Message,
  type Outcome,
  type PipelineOptions,
  pipeline,
  type RunningDevice,
  type Source,
  StageFailed,
  systemClock,
  type Unchanging,
  workStage,
} from '../../pipeline/index.ts'
import { asStage } from '../../pipeline/stage.ts'
import {
  answering,
  camera,
  collect,
  delaying,
  erroring,
  failing,
  fakeClock,
  frames,
  losing,
  type Plain,
  passThrough,
  settled,
} from '../../pipeline/testing/index.ts'
import { transfer } from '../../stages/index.ts'

/** A clock, and options that put a pipeline on it. */
function onClock(options: PipelineOptions = {}) {
  const clock = fakeClock()
  const all = { clock, embedded: () => memoryTransport({ clock }), ...options }
  return { clock, options: all }
}

/** Runs to the end of `ms` and gives what became of all. */
async function played(running: RunningDevice, clock: ReturnType<typeof fakeClock>, ms = 60_000) {
  const all = collect(running)
  await clock.advance(ms)
  return all
}

/** A stage that owns something. */
function owning(life: string[], name = 'owning', opening?: Promise<void>): Unchanging {
  const open = () => {
    life.push(`${name} open`)
    return { work: (message: Message) => message, close: async () => void life.push(`${name} closed`) }
  }
  return asStage<Unchanging>(workStage(name, () => (opening ? opening.then(open) : open())))
}

const settles = (counts: { results: number; failures: number; dropped: number }) =>
  counts.results + counts.failures + counts.dropped

describe('a whole pipeline in one process', () => {
  it('answers all that its source gives, in that order, ends, and leaves nothing behind', async () => {
    const { clock, options } = onClock()
    const flow = pipeline(
      'flow',
      options,
      frames(20),
      delaying(({ seq }) => 20 - seq, { concurrency: 8 }),
      answering(),
    )
    const { answers, counts } = await played(flow.run({ node: 'phone' }), clock)
    expect(answers.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, seq) => seq))
    expect(answers[0]).toMatchObject({ source: 'phone.main', place: 'answered', encoding: 'none', node: 'phone' })
    expect(counts).toEqual({ in: 20, results: 20, failures: 0, dropped: 0 })
    expect(clock.pending).toBe(0)
  })

  it('needs no transport when it stays on the device, and says what is missing when it does not', async () => {
    const embedded = () => {
      throw new Error('no transport is needed')
    }
    const { clock, options } = onClock({ embedded })
    expect((await played(pipeline('flow', options, frames(1), answering()).run(), clock)).counts.results).toBe(1)
    const crossing = pipeline('flow', { clock }, frames(1), transfer(), answering())
    expect(() => crossing.run()).toThrow(BadConfiguration)
  })

  it('crosses the wire, and says where, as what, and who answered', async () => {
    const { clock, options } = onClock()
    const flow = pipeline('flow', options, frames(3), transfer(), delaying(30), answering())
    const { answers } = await played(flow.run({ node: 'phone' }), clock)
    expect(answers).toHaveLength(3)
    expect(answers[2]).toMatchObject({ place: 'captured', encoding: 'original', bytes: 2, node: 'phone-cloud' })
    expect(clock.pending).toBe(0)
  })

  it('lets what the device has answered pass by all that is below the wire', async () => {
    const { clock, options } = onClock()
    const flow = pipeline('flow', options, frames(3), answering(), transfer(), failing(1), answering())
    const { answers, counts } = await played(flow.run(), clock)
    expect(counts).toEqual({ in: 3, results: 3, failures: 0, dropped: 0 })
    expect(answers.map(({ place }) => place)).toEqual(['answered', 'answered', 'answered'])
  })

  it('fails each message that a stage throws at, above or below the wire, and no other', async () => {
    const { clock, options } = onClock()
    const flow = pipeline('flow', options, frames(6), failing(3), transfer(), failing(2), answering())
    const { answers, failures, counts } = await played(flow.run(), clock)
    expect(counts).toEqual({ in: 6, results: 2, failures: 4, dropped: 0 })
    expect(failures.map(({ seq }) => seq).sort()).toEqual([0, 2, 3, 4])
    expect(answers.map(({ seq }) => seq)).toEqual([1, 5])
  })

  it('goes on after a capture that went wrong', async () => {
    const { clock, options } = onClock()
    const torn = { error: new BadInput('torn') }
    const good: Capture = { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1) } }
    const { failures, counts } = await played(
      pipeline('flow', options, frames([torn, good, torn, good]), answering()).run(),
      clock,
    )
    expect(counts).toEqual({ in: 4, results: 2, failures: 2, dropped: 0 })
    expect(failures).toMatchObject([
      { seq: 0, stage: 'capture', error: torn.error },
      { seq: 2, stage: 'capture' },
    ])
  })

  it('whose source errors answers what went before, then ends with the error', async () => {
    const { clock, options } = onClock()
    const good: Capture = { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1) } }
    const source = frames([good, good, new Error('the camera fell')])
    const running = pipeline('flow', options, source, delaying(50), answering()).run()
    const { answers, counts, error } = await played(running, clock)
    expect(answers).toHaveLength(2)
    expect(counts).toMatchObject({ in: 2, results: 2 })
    expect(error).toMatchObject({ message: 'the camera fell' })
    await expect(running.done).rejects.toThrow('the camera fell')
    expect(clock.pending).toBe(0)
  })

  it('whose operator errors fails what is in it, and goes on with what comes next', async () => {
    const { clock, options } = onClock({ window: 1 })
    const flow = pipeline('flow', options, frames(6), erroring(3), answering())
    const { answers, failures, counts, events } = await played(flow.run(), clock)
    expect(counts).toEqual({ in: 6, results: 4, failures: 2, dropped: 0 })
    expect(answers.map(({ seq }) => seq)).toEqual([1, 2, 4, 5])
    expect(failures[0]?.error).toBeInstanceOf(StageFailed)
    expect(events.filter(({ type }) => type === 'fault')).toHaveLength(2)
  })

  it('whose operator errors below the wire fails what is in it there, and goes on', async () => {
    const { clock, options } = onClock({ window: 1 })
    const flow = pipeline('flow', options, frames(6), transfer(), erroring(3), answering())
    const { counts, events } = await played(flow.run(), clock)
    expect(counts).toEqual({ in: 6, results: 4, failures: 2, dropped: 0 })
    expect(events.filter(({ type }) => type === 'fault')).toHaveLength(2)
  })

  it('whose operator completes before its source is connected anew, and says so', async () => {
    const { clock, options } = onClock({ window: 1 })
    const flow = pipeline('flow', options, frames(5), take(2) as unknown as Plain, answering())
    const { counts, events } = await played(flow.run(), clock)
    expect(counts).toEqual({ in: 5, results: 5, failures: 0, dropped: 0 })
    expect(events.filter(({ type }) => type === 'fault')).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })

  it('whose operator completes or errors as soon as it is connected fails all, and comes to its end', async () => {
    for (const dead of [() => EMPTY, () => throwError(() => new Error('dead'))] as unknown as Plain[]) {
      const { clock, options } = onClock({ window: 2 })
      const flow = pipeline('flow', options, frames(5), dead, answering())
      const { failures, counts } = await played(flow.run(), clock)
      expect(counts).toEqual({ in: 5, results: 0, failures: 5, dropped: 0 })
      expect(failures[0]?.error.message).toMatch(/an operator completed|dead/)
      expect(clock.pending).toBe(0)
    }
  })

  it('fails what an operator lost, once its budget has ended', async () => {
    const { clock, options } = onClock({ deadline: 100 })
    const flow = pipeline('flow', options, frames(4), losing(2), answering())
    const { failures, counts } = await played(flow.run(), clock)
    expect(counts).toEqual({ in: 4, results: 2, failures: 2, dropped: 0 })
    expect(failures.every(({ error }) => error instanceof DeadlineExceeded)).toBe(true)
    expect(failures[0]?.error.message).toContain('lost')
    expect(clock.pending).toBe(0)
  })

  it('fails what comes out unanswered, instead of an answer that says nothing', async () => {
    const { clock, options } = onClock()
    const careless = passThrough() as unknown as ReturnType<typeof answering>
    const { failures, counts } = await played(pipeline('flow', options, frames(1), careless).run(), clock)
    expect(counts).toMatchObject({ results: 0, failures: 1 })
    expect(failures[0]?.error.message).toContain('nothing answered it')
  })

  it('fails a capture whose id is in flight already, counted, and says so', async () => {
    const { clock, options } = onClock({ window: 4 })
    const twin = (): Capture => ({ id: 'twin', payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1) } })
    const flow = pipeline('flow', options, frames([twin(), twin()]), delaying(10), answering())
    const { failures, counts } = await played(flow.run(), clock)
    expect(counts).toEqual({ in: 2, results: 1, failures: 1, dropped: 0 })
    expect(failures[0]?.error).toBeInstanceOf(BadInput)
    expect(failures[0]?.error.message).toContain('"twin" is in flight already')
  })

  it('fails a capture whose id or stream could not travel, and says how they may be', async () => {
    const { clock, options } = onClock()
    const payload = { form: 'image', at: 'captured', bytes: new Uint8Array(1) } as const
    const source = frames([
      { payload, id: 'my photo.jpg' },
      { payload, stream: 'left.>' },
      { payload, id: 'ok' },
    ])
    const { failures, answers } = await played(pipeline('flow', options, source, transfer(), answering()).run(), clock)
    expect(failures.map(({ error }) => error.code)).toEqual(['bad-input', 'bad-input'])
    expect(failures[0]?.error.message).toContain('my photo.jpg')
    expect(answers.map(({ id }) => id)).toEqual(['ok'])
  })

  it('keeps the order of each stream, and lets streams overtake each other', async () => {
    const { clock, options } = onClock()
    const payload = { form: 'image', at: 'captured', bytes: new Uint8Array(1) } as const
    const source = frames(['slow', 'quick', 'slow', 'quick'].map((stream) => ({ payload, stream })))
    const slowly = delaying(({ source: from }) => (from.endsWith('slow') ? 50 : 10), { concurrency: 8 })
    const { answers } = await played(pipeline('flow', options, source, slowly, answering()).run(), clock)
    expect(answers.map(({ source: from, seq }) => `${from.split('.')[1]} ${seq}`)).toEqual([
      'quick 0',
      'quick 1',
      'slow 0',
      'slow 1',
    ])
  })
})

describe('time in a pipeline', () => {
  it('ends a message at its deadline', async () => {
    const { clock, options } = onClock({ deadline: 80 })
    const { failures } = await played(pipeline('flow', options, frames(1), delaying(200), answering()).run(), clock)
    expect(failures[0]?.error).toBeInstanceOf(DeadlineExceeded)
    expect(clock.pending).toBe(0)
  })

  it('waits for a late answer where that is wanted, and says that it is late', async () => {
    const { clock, options } = onClock({ deadline: 80, late: 'answer' })
    const { answers } = await played(pipeline('flow', options, frames(1), delaying(200), answering()).run(), clock)
    expect(answers).toMatchObject([{ onTime: false, latency: 200 }])
  })

  it('does not run out for a frame while its source is quiet', async () => {
    const { clock, options } = onClock({ deadline: 80 })
    const quiet: Source = {
      name: 'quiet',
      kind: 'pull',
      async *open() {
        await new Promise<void>((resolve) => clock.after(5000, resolve))
        yield { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1) }, ms: 7 }
      },
    }
    const { answers } = await played(pipeline('flow', options, quiet, delaying(10), answering()).run(), clock)
    expect(answers).toMatchObject([{ onTime: true, latency: 17, timings: { capture: 7 } }])
  })

  it('runs for a live frame while it waits for room', async () => {
    const { clock, options } = onClock({ window: 1 })
    const shown = camera()
    const all = collect(pipeline('flow', options, shown, delaying(100), answering()).run())
    await clock.advance(0)
    shown.show()
    await clock.advance(40)
    shown.show({ ms: 5 })
    shown.end()
    await clock.advance(1000)
    expect((await all).answers.map(({ latency, timings }) => [latency, timings.capture])).toEqual([
      [100, 0],
      [165, 65],
    ])
  })
})

describe('the flow', () => {
  it('holds no more than the window between capture and answer', async () => {
    const { clock, options } = onClock({ window: 3 })
    let inside = 0
    let most = 0
    const watching = amend(
      'watching',
      async (message, { context }) => {
        most = Math.max(most, ++inside)
        await new Promise<void>((resolve) => context.clock.after(10, resolve))
        inside--
        return message
      },
      { concurrency: 100 },
    )
    const { counts } = await played(pipeline('flow', options, frames(20), watching, answering()).run(), clock)
    expect(counts.results).toBe(20)
    expect(most).toBe(3)
  })

  it('keeps the freshest frame of a live source and drops those it replaces, counted', async () => {
    const { clock, options } = onClock({ window: 1 })
    const shown = camera()
    const all = collect(pipeline('flow', options, shown, delaying(100), answering()).run())
    await clock.advance(0)
    for (const id of ['a', 'b', 'c', 'd']) shown.show({ id })
    await clock.advance(150)
    shown.show({ id: 'e' })
    shown.end()
    await clock.advance(1000)
    const { answers, dropped, counts } = await all
    expect(answers.map(({ id }) => id)).toEqual(['a', 'd', 'e'])
    expect(dropped.map(({ id, reason }) => [id, reason])).toEqual([
      ['b', 'stale'],
      ['c', 'stale'],
    ])
    expect(counts).toEqual({ in: 5, results: 3, failures: 0, dropped: 2 })
    expect(clock.pending).toBe(0)
  })

  it('takes every frame of a live source for which it has room, however fast they come', async () => {
    const { clock, options } = onClock({ window: 4 })
    const shown = camera()
    const all = collect(pipeline('flow', options, shown, delaying(100, { concurrency: 4 }), answering()).run())
    await clock.advance(0)
    for (let n = 0; n < 4; n++) shown.show()
    shown.end()
    await clock.advance(1000)
    expect((await all).counts).toEqual({ in: 4, results: 4, failures: 0, dropped: 0 })
  })

  it('whose live source errors answers what went before, then ends with the error', async () => {
    const { clock, options } = onClock()
    const shown = camera()
    const all = collect(pipeline('flow', options, shown, delaying(100), answering()).run())
    await clock.advance(0)
    shown.show()
    shown.fail(new Error('unplugged'))
    await clock.advance(1000)
    expect(await all).toMatchObject({ counts: { in: 1, results: 1 }, error: { message: 'unplugged' } })
  })

  it('is slowed down by a slow reader: no more is captured than it has read and the window holds', async () => {
    const { clock, options } = onClock({ window: 3 })
    let pulled = 0
    const counting: Source = {
      name: 'counting',
      kind: 'pull',
      async *open() {
        for (; pulled < 50; pulled++) yield { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1) } }
      },
    }
    const running = pipeline('flow', options, counting, answering()).run()
    const reader = running[Symbol.asyncIterator]()
    for (let read = 0; read < 10; read++) {
      await clock.advance(1000)
      expect(pulled).toBeLessThanOrEqual(read + 3)
      expect((await reader.next()).done).toBe(false)
    }
    expect(pulled).toBeGreaterThanOrEqual(10)
    await reader.return?.()
  })

  it('is not held up while nobody reads', async () => {
    const { clock, options } = onClock({ window: 2 })
    const running = pipeline('flow', options, frames(50), answering()).run()
    await clock.advance(1000)
    expect(await running.done).toMatchObject({ results: 50 })
    const late = []
    for await (const answer of running) late.push(answer.seq)
    expect(late).toHaveLength(50)
  })

  it('has one reader', async () => {
    const { options } = onClock()
    const running = pipeline('flow', options, frames(1), answering()).run()
    running[Symbol.asyncIterator]()
    expect(() => running[Symbol.asyncIterator]()).toThrow(TypeError)
    await running.drain()
  })

  it('answers those who ask for several answers at once, too', async () => {
    const { clock, options } = onClock()
    const running = pipeline('flow', options, frames(2), delaying(10), answering()).run()
    const reader = running[Symbol.asyncIterator]()
    const asked = Promise.all([reader.next(), reader.next(), reader.next()])
    await clock.advance(1000)
    expect((await asked).map(({ done, value }) => (done ? 'end' : value.seq))).toEqual([0, 1, 'end'])
  })
})

describe('a source that never waits', () => {
  it('leaves timers and sockets their turn', async () => {
    const { options } = onClock()
    let taken = 0
    const greedy: Source = {
      name: 'greedy',
      kind: 'pull',
      async *open() {
        for (; taken < 100_000; taken++) yield { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1) } }
      },
    }
    const running = pipeline('flow', { ...options, clock: systemClock }, greedy, answering()).run()
    await settled()
    await settled()
    await settled()
    expect(taken).toBeLessThan(100_000)
    await running.drain()
  })
})

describe('draining', () => {
  const endless = (): Source => ({
    name: 'endless',
    kind: 'pull',
    async *open() {
      for (;;) yield { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1) } }
    },
  })

  it('begins when the reader leaves its loop', async () => {
    const { clock, options } = onClock()
    const life: string[] = []
    const flow = pipeline('flow', options, endless(), owning(life), transfer(), delaying(10), answering())
    const running = flow.run()
    const left = (async () => {
      for await (const answer of running) if (answer.seq === 3) break
    })()
    await clock.advance(60_000)
    await left
    const counts = await running.done
    expect(counts.in).toBe(settles(counts))
    expect(life).toEqual(['owning open', 'owning closed'])
    expect(clock.pending).toBe(0)
  })

  it('lets what is in flight finish, takes nothing new, and waits no longer than that', async () => {
    const { clock, options } = onClock({ window: 4 })
    const running = pipeline('flow', options, endless(), delaying(100, { concurrency: 4 }), answering()).run()
    const all = collect(running)
    await clock.advance(50)
    let drained = false
    void running.drain().then(() => {
      drained = true
    })
    await clock.advance(49)
    expect(drained).toBe(false)
    await clock.advance(1)
    expect(drained).toBe(true)
    expect((await all).counts).toEqual({ in: 4, results: 4, failures: 0, dropped: 0 })
    expect(clock.pending).toBe(0)
  })

  it('lets what is below the wire finish, too', async () => {
    const { clock, options } = onClock({ window: 4 })
    const stop = new AbortController()
    const flow = pipeline(
      'flow',
      options,
      endless(),
      delaying(10, { concurrency: 4 }),
      transfer(),
      delaying(100),
      answering(),
    )
    const all = collect(flow.run({ signal: stop.signal }))
    await clock.advance(5)
    stop.abort()
    await clock.advance(5000)
    expect((await all).counts).toEqual({ in: 4, results: 4, failures: 0, dropped: 0 })
    expect(clock.pending).toBe(0)
  })

  it('waits for a source that has ended by itself no longer than for its messages', async () => {
    const { clock, options } = onClock()
    const running = pipeline('flow', options, frames(2), delaying(100), answering()).run()
    const all = collect(running)
    await clock.advance(150)
    void running.drain()
    await clock.advance(50)
    expect((await all).counts).toMatchObject({ results: 2 })
    expect(clock.pending).toBe(0)
  })

  it('fails what is not finished in the time given, and tells the stages', async () => {
    const { clock, options } = onClock({ window: 2 })
    const aborted: string[] = []
    const hanging = amend(
      'hanging',
      (message, { signal }) =>
        new Promise<never>(() => signal.addEventListener('abort', () => aborted.push(message.id))),
      { concurrency: 2 },
    )
    const running = pipeline('flow', options, endless(), hanging, answering()).run()
    const all = collect(running)
    await clock.advance(10)
    void running.drain(300)
    await clock.advance(300)
    const { failures, counts } = await all
    expect(counts).toEqual({ in: 2, results: 0, failures: 2, dropped: 0 })
    expect(failures.every(({ error }) => error instanceof Cancelled)).toBe(true)
    expect(aborted).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })

  it('does not wait for a source that is quiet', async () => {
    const { clock, options } = onClock()
    let told = false
    const quiet: Source = {
      name: 'quiet',
      kind: 'pull',
      async *open(signal) {
        signal.addEventListener('abort', () => {
          told = true
        })
        await new Promise(() => {})
        yield { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1) } }
      },
    }
    const running = pipeline('flow', options, quiet, answering()).run()
    await clock.advance(10)
    await running.drain()
    expect(told).toBe(true)
    expect(await running.done).toMatchObject({ in: 0 })
  })

  it('counts the live frame that still waits for room as dropped', async () => {
    const { clock, options } = onClock({ window: 1 })
    const shown = camera()
    const running = pipeline('flow', options, shown, delaying(100), answering()).run()
    const all = collect(running)
    await clock.advance(0)
    shown.show()
    shown.show()
    void running.drain()
    expect(shown.watched).toBe(false)
    await clock.advance(1000)
    expect((await all).counts).toEqual({ in: 2, results: 1, failures: 0, dropped: 1 })
  })

  it('while the stages are still being opened closes what has opened, and captures nothing', async () => {
    const { clock, options } = onClock()
    const life: string[] = []
    let open: () => void = () => {}
    const opening = new Promise<void>((resolve) => {
      open = resolve
    })
    const flow = pipeline(
      'flow',
      options,
      endless(),
      owning(life, 'slow', opening),
      transfer(),
      owning(life, 'below'),
      answering(),
    )
    const running = flow.run()
    await settled()
    const drained = running.drain()
    open()
    await drained
    await clock.advance(1000)
    expect(await running.done).toMatchObject({ in: 0 })
    expect(life.sort()).toEqual(['below closed', 'below open', 'slow closed', 'slow open'])
    expect(clock.pending).toBe(0)
  })

  it('happens when a signal is aborted, at once when it was before, and lets the signal go afterwards', async () => {
    const { clock, options } = onClock()
    const stop = new AbortController()
    let listeners = 0
    const { signal } = stop
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }) as typeof add
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }) as typeof remove
    const flow = pipeline('flow', options, frames(1), answering())
    await played(flow.run({ signal }), clock)
    expect(listeners).toBe(0)
    const endlessly = pipeline('flow', options, endless(), answering()).run({ signal })
    await clock.advance(10)
    stop.abort()
    await clock.advance(10)
    const counts = await endlessly.done
    expect(counts.in).toBe(settles(counts))
    expect(await flow.run({ signal }).done).toMatchObject({ in: 0 })
    await clock.advance(10)
    expect(clock.pending).toBe(0)
  })

  it('happens once, however often it is asked for', async () => {
    const { clock, options } = onClock()
    const life: string[] = []
    const running = pipeline('flow', options, frames(1), owning(life), answering()).run()
    await clock.advance(10)
    await Promise.all([running.drain(), running.drain(), running.done])
    expect(life).toEqual(['owning open', 'owning closed'])
  })

  it('goes on when a stage cannot be closed, and says so', async () => {
    const { clock, options } = onClock()
    const life: string[] = []
    const stuck = asStage<Unchanging>(
      workStage('stuck', () => ({ work: (message) => message, close: () => Promise.reject(new Error('stuck')) })),
    )
    const flow = pipeline('flow', options, frames(1), stuck, owning(life), answering())
    const { counts, events } = await played(flow.run(), clock)
    expect(counts.results).toBe(1)
    expect(life).toEqual(['owning open', 'owning closed'])
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'fault', error: expect.objectContaining({ message: 'stuck' }) }),
    )
  })
})

describe('a pipeline that cannot start', () => {
  it('ends with the error, closes what had opened, and captures nothing', async () => {
    const life: string[] = []
    const broken = asStage<Unchanging>(workStage('broken', () => Promise.reject(new Error('no engine'))))
    const { clock, options } = onClock()
    for (const flow of [
      pipeline('flow', options, frames(1), owning(life), broken, answering()),
      pipeline('flow', options, frames(1), owning(life), transfer(), broken, answering()),
    ]) {
      life.length = 0
      const { error, counts } = await played(flow.run(), clock)
      expect(error).toMatchObject({ message: 'no engine' })
      expect(counts.in).toBe(0)
      expect(life.filter((event) => event.endsWith('open'))).toHaveLength(life.length / 2)
      expect(clock.pending).toBe(0)
    }
  })

  it('is refused when it is composed: bad names, bad options, two wires, two hops of one name', () => {
    const compose = (name: string, options: PipelineOptions) => pipeline(name, options, frames(1), answering())
    expect(() => compose('my flow', {})).toThrow(BadConfiguration)
    expect(() => compose('flow', { deadline: -1 })).toThrow(/deadline/)
    expect(() => compose('flow', { window: 0 })).toThrow(/window/)
    expect(() => compose('flow', { windw: 3 } as PipelineOptions)).toThrow(BadConfiguration)
    expect(() => pipeline('flow', {}, frames(1), transfer(), transfer() as unknown as Unchanging, answering())).toThrow(
      /one wire/,
    )
    expect(() => pipeline('flow', {}, frames(1), hop('a'), hop('a'), answering())).toThrow(/Two boundaries/)
    expect(() => hop('no name')).toThrow(BadConfiguration)
  })
})

describe('halves', () => {
  const flowOf = (options: PipelineOptions, count = 12) =>
    pipeline(
      'flow',
      options,
      frames(count),
      transfer(),
      delaying(10),
      answering(({ seq }) => ({ label: `l${seq}` })),
    )

  it('over a transport answer as the whole does', async () => {
    const { clock, options } = onClock()
    const flow = flowOf(options)
    const whole = await played(flow.run(), clock)
    const broker = memoryBroker()
    const cloud = await flow.cloud(broker.connect({ clock }), { node: 'cloud' })
    const halves = await played(await flow.device(broker.connect({ clock })), clock)
    const said = ({ answers }: typeof whole) =>
      answers.map(({ seq, label, place, encoding, bytes }) => [seq, label, place, encoding, bytes])
    expect(said(halves)).toEqual(said(whole))
    expect(cloud.statistics).toMatchObject({ cloud: { received: 12, results: 12, pending: 0 } })
    await cloud.drain()
    await cloud.done
    expect(clock.pending).toBe(0)
  })

  it('below the wire share the work, and one that drains loses nothing', async () => {
    const { clock, options } = onClock({ order: 'none' })
    const flow = flowOf(options, 40)
    const broker = memoryBroker()
    const clouds = [
      await flow.cloud(broker.connect({ clock }), { node: 'a' }),
      await flow.cloud(broker.connect({ clock }), { node: 'b' }),
    ] as const
    const all = collect(await flow.device(broker.connect({ clock })))
    await clock.advance(35)
    void clouds[0].drain()
    await clock.advance(10_000)
    const { answers, counts } = await all
    expect(counts).toEqual({ in: 40, results: 40, failures: 0, dropped: 0 })
    expect(new Set(answers.map(({ node }) => node))).toEqual(new Set(['a', 'b']))
    await clouds[0].done
    await clouds[1].drain()
    expect(clock.pending).toBe(0)
  })

  it('may be cut into more parts by hops, each run by itself, and the answer says where the wire was', async () => {
    const { clock, options } = onClock()
    const flow = pipeline(
      'flow',
      options,
      frames(5),
      hop('above'),
      delaying(1),
      transfer(),
      hop('below'),
      delaying(1),
      answering(),
    )
    expect(flow.segments).toEqual(['above', 'cloud', 'below'])
    const broker = memoryBroker()
    const parts = [
      await flow.cloud(broker.connect({ clock }), { only: 'above', node: 'one' }),
      await flow.cloud(broker.connect({ clock }), { only: 'cloud', node: 'two' }),
      await flow.cloud(broker.connect({ clock }), { only: 'below', node: 'three' }),
    ]
    const { answers } = await played(await flow.device(broker.connect({ clock }), { only: 'capture' }), clock)
    expect(answers).toHaveLength(5)
    expect(answers[0]).toMatchObject({ place: 'captured', node: 'three', bytes: 2 })
    expect(parts.map(({ statistics }) => Object.values(statistics)[0]?.results)).toEqual([5, 5, 5])
    for (const part of parts) await part.drain()
    expect(clock.pending).toBe(0)
  })

  it('run all of their side by themselves: the device its hops, the cloud all below the wire', async () => {
    const { clock, options } = onClock()
    const flow = pipeline(
      'flow',
      options,
      frames(3),
      hop('above'),
      passThrough(),
      transfer(),
      hop('below'),
      answering(),
    )
    const broker = memoryBroker()
    const cloud = await flow.cloud(broker.connect({ clock }))
    expect(Object.keys(cloud.statistics).sort()).toEqual(['below', 'cloud'])
    const { counts } = await played(await flow.device(broker.connect({ clock })), clock)
    expect(counts.results).toBe(3)
    await cloud.drain()
    expect(clock.pending).toBe(0)
  })

  it('with a hop on a device that has no wire stay answers of the device', async () => {
    const { clock, options } = onClock()
    const { answers } = await played(pipeline('flow', options, frames(1), hop('run'), answering()).run(), clock)
    expect(answers).toMatchObject([{ place: 'answered', encoding: 'none', bytes: 0 }])
  })

  it('are refused where there is nothing to run', async () => {
    const { clock, options } = onClock()
    const transport = memoryTransport({ clock })
    const flow = flowOf(options)
    await expect(flow.cloud(transport, { only: 'kitchen' })).rejects.toThrow(/no segment "kitchen".*cloud/)
    await expect(flow.cloud(transport, { only: 'capture' })).rejects.toBeInstanceOf(BadConfiguration)
    await expect(flow.cloud(transport, { capacity: 0 })).rejects.toBeInstanceOf(BadConfiguration)
    await expect(flow.cloud(transport, { node: 'a b' })).rejects.toBeInstanceOf(BadConfiguration)
    await expect(flow.device(transport, { only: 'cloud' })).rejects.toBeInstanceOf(BadConfiguration)
    await expect(pipeline('flow', options, frames(1), answering()).cloud(transport)).rejects.toBeInstanceOf(
      BadConfiguration,
    )
  })
})

describe('deciders of the device', () => {
  it('learn what became of every message, and a fault of one is told and harms nothing', async () => {
    const { clock, options } = onClock({ deadline: 100, late: 'answer' })
    const outcomes: Outcome[] = []
    const learning: Decider = {
      name: 'learning',
      decide: (_request, _world, menu) => menu,
      observe(outcome) {
        outcomes.push(outcome)
        throw new Error('confused')
      },
    }
    const flow = pipeline(
      'flow',
      options,
      frames(3),
      decide(learning),
      delaying(({ seq }) => (seq === 2 ? 150 : 10)),
      failing(4),
      transfer(),
      answering(),
    )
    const { events } = await played(flow.run(), clock)
    expect(outcomes.map(({ kind, onTime, error }) => [kind, onTime, error])).toEqual([
      ['failure', false, 'stage-failed'],
      ['message', true, undefined],
      ['message', false, undefined],
    ])
    expect(outcomes[1]).toMatchObject({ plan: { cut: 'captured' }, bytes: 2, crossing: { at: 'captured' } })
    expect(events.filter(({ type }) => type === 'fault')).toHaveLength(3)
  })
})
