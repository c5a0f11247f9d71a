import { describe, expect, it } from 'vitest'
import { memoryTransport } from '../../adapters/memory/index.ts'
import {
  type Capture,
  type Decider,
  type DecisionRequest,
  decide,
  type Menu,
  type Outcome,
  type PipelineOptions,
  pipeline,
} from '../../pipeline/index.ts'
import { answering, camera, collect, delaying, fakeClock, frames } from '../../pipeline/testing/index.ts'
import { transfer } from '../../stages/index.ts'

const payload = { form: 'image', at: 'captured', bytes: Uint8Array.of(1, 2, 3) } as const

interface Seen {
  readonly requests: DecisionRequest[]
  readonly menus: Menu[]
  readonly outcomes: Outcome[]
}

/** A decider that changes nothing, and keeps what it is told. */
function listening(seen: Seen): Decider {
  return {
    name: 'listening',
    decide(request, _world, menu) {
      seen.requests.push(request)
      seen.menus.push(menu)
      return menu
    },
    observe: (outcome) => void seen.outcomes.push(outcome),
  }
}

/** Frames through a stage on the device and one behind the wire, each of which takes 40 ms. */
async function run(captures: readonly Capture[], options: PipelineOptions = {}) {
  const clock = fakeClock()
  const seen = () => ({ requests: [], menus: [], outcomes: [] }) as Seen
  const [device, cloud] = [seen(), seen()]
  const flow = pipeline(
    'own',
    { clock, deadline: 1000, embedded: () => memoryTransport({ clock }), ...options },
    frames(captures),
    decide(listening(device)),
    delaying(40, { concurrency: 8 }),
    transfer(),
    decide(listening(cloud)),
    delaying(40, { concurrency: 8 }),
    answering(),
  )
  const all = collect(flow.run())
  await clock.advance(60_000)
  return { ...(await all), device, cloud }
}

describe('what a frame carries of its own', () => {
  it('comes back on its answer, as it is', async () => {
    const meta = { camera: 'door', tags: ['night'] }
    const own = { at: 1_700_000_000_123, meta, deadline: 500, accuracy: 0.9 }
    const { answers } = await run([{ payload, ...own }, { payload }])
    expect(answers[0]).toMatchObject(own)
    expect(answers[0]?.meta).toBe(meta)
    for (const field of Object.keys(own)) expect(answers[1]).not.toHaveProperty(field)
  })

  it('does not leave the process that captures, but for its deadline and accuracy', async () => {
    const secret = 'who stands at the door'
    const clock = fakeClock()
    const broker = memoryTransport({ clock })
    const sent: (readonly unknown[])[] = []
    const transport = new Proxy(broker, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown
        if (name !== 'request' || typeof value !== 'function')
          return typeof value === 'function' ? value.bind(target) : value
        return (...given: unknown[]) => {
          sent.push(given)
          return value.apply(target, given)
        }
      },
    })
    const source = frames([{ payload, meta: { secret }, at: 1_700_000_000_123, deadline: 700 }])
    const flow = pipeline('own', { clock, embedded: () => transport }, source, transfer(), answering())
    const all = collect(flow.run())
    await clock.advance(5000)
    expect((await all).answers).toMatchObject([{ meta: { secret } }])
    const crossed = JSON.stringify(
      sent.map(([, parts]) => (parts as { unwritten?: { header: object } }).unwritten?.header),
    )
    expect(crossed).toContain('"deadline":700')
    expect(crossed).not.toContain(secret)
    expect(crossed).not.toContain('1700000000123')
  })
})

describe('a deadline of a frame’s own', () => {
  it('ends that message and no other: in = results + failures + dropped', async () => {
    const captures = [50, undefined, 5000, 79].map((deadline) => ({
      payload,
      ...(deadline === undefined ? {} : { deadline }),
    }))
    const { answers, failures, counts } = await run(captures, { order: 'none' })
    expect(answers.map(({ seq, onTime }) => [seq, onTime])).toEqual([
      [1, true],
      [2, true],
    ])
    expect(failures.map(({ seq, error }) => [seq, error.code])).toEqual([
      [0, 'deadline-exceeded'],
      [3, 'deadline-exceeded'],
    ])
    expect(counts).toMatchObject({ in: 4, results: 2, failures: 2, dropped: 0 })
  })

  it('may be longer than the pipeline’s', async () => {
    const { answers, failures } = await run([{ payload, deadline: 200 }, { payload }], { deadline: 60 })
    expect(answers.map(({ seq, onTime }) => [seq, onTime])).toEqual([[0, true]])
    expect(failures.map(({ seq }) => seq)).toEqual([1])
  })

  it('is waited for until the source’s last message has used it', async () => {
    const { answers } = await run([{ payload, deadline: 30_000 }], { deadline: 10 })
    expect(answers.map(({ onTime }) => onTime)).toEqual([true])
  })

  it('says of a late answer that it is late, to whoever reads it and to the deciders', async () => {
    const { answers, device, cloud } = await run([{ payload, deadline: 50 }, { payload }], { late: 'answer' })
    expect(answers.map(({ seq, onTime }) => [seq, onTime])).toEqual([
      [0, false],
      [1, true],
    ])
    for (const { outcomes } of [device, cloud]) expect(outcomes.map(({ onTime }) => onTime)).toEqual([false, true])
  })

  it('is what deciders reckon with, above the wire and below it', async () => {
    const { device, cloud } = await run([{ payload, deadline: 300, accuracy: 0.5 }, { payload }])
    for (const { requests } of [device, cloud]) {
      expect(requests.map(({ deadline, accuracy }) => [deadline, accuracy])).toEqual([
        [300, 0.5],
        [1000, undefined],
      ])
    }
    for (const request of cloud.requests) expect(request.remaining).toBe(request.deadline - 40)
  })
})

describe('an accuracy that a frame wishes for', () => {
  const accuracies: Readonly<Record<string, number | undefined>> = {
    poor: 0.6,
    fair: 0.8,
    good: 0.9,
    unknown: undefined,
  }
  const models = (ids: readonly string[]) => ({ ids, accuracy: (id: string) => accuracies[id] })

  it.each([
    { wished: 0.8, ids: ['poor', 'fair', 'good'], left: ['fair', 'good'] },
    { wished: 0.85, ids: ['good', 'fair', 'poor'], left: ['good'] },
    { wished: 0, ids: ['poor', 'unknown'], left: ['poor', 'unknown'] },
    { wished: 0.99, ids: ['poor', 'fair'], left: ['fair'] },
    { wished: 0.99, ids: ['unknown'], left: ['unknown'] },
    { wished: 0.7, ids: ['poor', 'unknown', 'good'], left: ['good'] },
  ])('$wished leaves $left of $ids, on both sides', async ({ wished, ids, left }) => {
    const { device, cloud } = await run([{ payload, accuracy: wished }, { payload }], { models: models(ids) })
    for (const { menus } of [device, cloud]) expect(menus.map((menu) => menu.models)).toEqual([left, ids])
  })

  it('is not met by the last answer of its source', async () => {
    const clock = fakeClock()
    const seen: Seen = { requests: [], menus: [], outcomes: [] }
    const source = camera()
    const flow = pipeline('own', { clock }, source, decide(listening(seen)), answering())
    const all = collect(flow.run())
    for (const capture of [{}, {}, { accuracy: 0.5 }]) {
      source.show(capture)
      await clock.advance(100)
    }
    source.end()
    await clock.advance(1000)
    await all
    expect(seen.menus.at(-1)).not.toHaveProperty('lastAge')
  })
})
