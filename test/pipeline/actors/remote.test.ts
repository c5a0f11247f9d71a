import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memoryBroker } from '../../../adapters/memory/index.ts'
import {
  ActorStopped,
  actor,
  BadConfiguration,
  BadInput,
  BadMessage,
  DeadlineExceeded,
  type ExposeOptions,
  expose,
  MailboxFull,
  NoResponders,
  packFrame,
  Refused,
  readFrame,
  remote,
  StageFailed,
  sleep,
  TooLarge,
  TransportClosed,
  VersionMismatch,
} from '../../../pipeline/index.ts'
import { fakeClock, faulty, settled } from '../../../pipeline/testing/index.ts'
import { changed, release } from '../../support/dialects.ts'

const subject = 'act.counter'

/** A counter on one node, a reference to it on another. */
async function bench(options: { capacity?: number; group?: string } = {}) {
  const clock = fakeClock()
  const broker = memoryBroker()
  const near = faulty(broker.connect({ clock }), [], { clock })
  const seen: number[] = []
  const one = actor<number, number>(
    'counter',
    () => {
      let total = 0
      return {
        async receive(by) {
          seen.push(by)
          if (by === -1) throw new Refused('not now', { retryAfter: 70 })
          if (by === -2) throw new BadInput('negative')
          if (by === -3) throw new Error('foreign')
          if (by === 100) await sleep(clock, 100)
          total += by
          return total
        },
      }
    },
    { clock, overflow: 'reject', capacity: options.capacity ?? 8 },
  )
  const served: ExposeOptions<number> = {
    transport: broker.connect({ clock }),
    subject,
    schema: z.number().min(-3),
    ...(options.group ? { group: options.group } : {}),
  }
  const exposed = await expose(one, served)
  const counter = remote<number, number>(near, subject, { schema: z.number(), clock })
  return { clock, broker, near, one, seen, exposed, counter, served }
}

describe('a remote actor', () => {
  it('answers as it would here, and keeps its state between messages', async () => {
    const { counter, clock } = await bench()
    expect(await counter.ask(2, 500)).toBe(2)
    expect(await counter.ask(3, 500)).toBe(5)
    expect(clock.pending).toBe(0)
  })

  it('has taken a tell into its mailbox when it resolves', async () => {
    const { counter, seen, clock } = await bench()
    await counter.tell(7)
    expect(await counter.ask(1, 500)).toBe(8)
    expect(seen).toEqual([7, 1])
    expect(clock.pending).toBe(0)
  })

  it('fails with the class of what happened there', async () => {
    const { counter, one, clock } = await bench()
    const failed = async (by: number) => {
      const asked = counter.ask(by, 5000).catch((error: unknown) => error)
      await clock.advance(1000)
      return asked
    }
    expect(await failed(-1)).toBeInstanceOf(Refused)
    expect(await failed(-1)).toMatchObject({ message: 'not now', retryAfter: 70, retryable: true })
    expect(await failed(-2)).toBeInstanceOf(BadInput)
    expect(await failed(-3)).toBeInstanceOf(StageFailed)
    await one.stop()
    expect(await failed(1)).toBeInstanceOf(ActorStopped)
    await expect(counter.tell(1)).rejects.toBeInstanceOf(ActorStopped)
    expect(clock.pending).toBe(0)
  })

  it('refuses what its mailbox has no room for, to ask and tell', async () => {
    const { counter } = await bench({ capacity: 1 })
    await counter.tell(100)
    await counter.tell(1)
    await expect(counter.tell(2)).rejects.toBeInstanceOf(MailboxFull)
    await expect(counter.ask(2, 500)).rejects.toMatchObject({ code: 'mailbox-full', retryable: true })
  })

  it('sees no message that does not pass its schema, and the sender hears why', async () => {
    const { counter, seen, near } = await bench()
    await expect(counter.ask(-4, 500)).rejects.toBeInstanceOf(BadMessage)
    await expect(counter.ask(-4, 500)).rejects.toThrow(
      /^"counter" takes no such message: .*Send one that passes its schema\.$/,
    )
    await expect(counter.tell('many' as never)).rejects.toThrow(BadMessage)
    near.publish(subject, [Uint8Array.of(1, 2, 3)])
    near.publish(subject, packFrame({ kind: 'stop' }))
    await settled()
    expect(seen).toEqual([])
    expect(await counter.ask(1, 500)).toBe(1)
  })

  it('is not believed when its reply does not pass the caller’s schema, or is no reply at all', async () => {
    const { near, broker, clock } = await bench()
    const careful = remote<number, string>(near, subject, { schema: z.string(), clock })
    await expect(careful.ask(1, 500)).rejects.toBeInstanceOf(BadMessage)
    await expect(careful.ask(1, 500)).rejects.toThrow(
      /^"act\.counter" replied what the schema given to remote\(\) refuses: /,
    )
    await broker.connect().serve('act.rude', ({ reply }) => reply([Uint8Array.of(1)]))
    const rude = remote<number, number>(near, 'act.rude', { schema: z.number(), clock })
    await expect(rude.ask(1, 500)).rejects.toBeInstanceOf(BadMessage)
    expect(clock.pending).toBe(0)
  })

  it('ends an ask at its deadline, on both sides', async () => {
    const { counter, near, clock, seen } = await bench()
    const slow = counter.ask(100, 60).catch((error: unknown) => error)
    const behind = counter.ask(1, 80).catch((error: unknown) => error)
    await clock.advance(80)
    expect([await slow, await behind]).toEqual([expect.any(DeadlineExceeded), expect.any(DeadlineExceeded)])
    await clock.advance(100)
    expect(seen).toEqual([100])
    near.use([{ drop: 1 }])
    const lost = counter.ask(1, 500).catch((error: unknown) => error)
    const told = counter.tell(1).catch((error: unknown) => error)
    await clock.advance(5000)
    expect([await lost, await told]).toEqual([expect.any(DeadlineExceeded), expect.any(DeadlineExceeded)])
    expect(clock.pending).toBe(0)
  })

  it('that is not there, or cannot be reached, is told apart from one that is slow', async () => {
    const { counter, near, exposed, clock } = await bench()
    await exposed.drain()
    await expect(counter.ask(1, 500)).rejects.toBeInstanceOf(NoResponders)
    near.cut()
    await expect(counter.ask(1, 500)).rejects.toBeInstanceOf(TransportClosed)
    await expect(counter.tell(1)).rejects.toBeInstanceOf(TransportClosed)
    expect(clock.pending).toBe(0)
  })

  it('shares its messages with others of its group', async () => {
    const { counter, served, broker, seen } = await bench({ group: 'counters' })
    const others: number[] = []
    const other = actor<number, number>('other', () => ({ receive: (by) => others.push(by) }))
    await expose(other, { ...served, transport: broker.connect() })
    for (let n = 1; n <= 4; n++) await counter.tell(n)
    await settled()
    expect([...seen, ...others].sort()).toEqual([1, 2, 3, 4])
    expect(others.length).toBeGreaterThan(0)
    expect(seen.length).toBeGreaterThan(0)
  })

  it('takes byte arrays as they are, and nothing that is too large for a header', async () => {
    const broker = memoryBroker()
    const bytes = z.instanceof(Uint8Array)
    const echo = actor<Uint8Array, Uint8Array>('echo', () => ({ receive: (one) => one }))
    await expose(echo, { transport: broker.connect(), subject: 'act.echo', schema: bytes })
    const there = remote<Uint8Array, Uint8Array>(broker.connect(), 'act.echo', { schema: bytes })
    expect([...(await there.ask(Uint8Array.of(1, 2, 3), 500))]).toEqual([1, 2, 3])
    await expect(there.ask(new Uint8Array(2 ** 20), 500)).rejects.toBeInstanceOf(TooLarge)
  })

  it('has no address that is none', async () => {
    const { one, served, near } = await bench()
    await expect(expose(one, { ...served, subject: 'act.*' })).rejects.toBeInstanceOf(BadConfiguration)
    expect(() => remote(near, 'a b', { schema: z.number() })).toThrow(BadConfiguration)
  })
})

describe('a transport that takes little at once', () => {
  it('has a message or a reply that is longer refused by name, at once', async () => {
    const broker = memoryBroker()
    const clock = fakeClock()
    const small = broker.connect({ clock, maxPayload: 4096 })
    const echo = actor('echo', () => ({ receive: (length: number) => 'x'.repeat(length) }), { clock })
    await expose(echo, { transport: small, subject: 'act.echo', schema: z.union([z.number(), z.string()]) as never })
    const far = remote<number | string, string>(broker.connect({ clock }), 'act.echo', { schema: z.string(), clock })
    expect(await far.ask(1000, 500)).toHaveLength(1000)
    const refused = { name: 'TooLarge', message: expect.stringMatching(/reply of "echo" takes 4\d+ bytes.*4096/) }
    await expect(far.ask(4000, 500)).rejects.toMatchObject(refused)
    const near = remote<number | string, string>(small, 'act.echo', { schema: z.string(), clock })
    await expect(near.ask('y'.repeat(5000), 500)).rejects.toMatchObject({ name: 'TooLarge' })
    expect(clock.pending).toBe(0)
  })
})

describe('a remote actor of another release', () => {
  const doubled = (dialects: ReturnType<typeof release>, transport: ReturnType<typeof faulty>) =>
    expose(
      { name: 'double', ask: async (n: number) => 2 * n, tell: async () => {} },
      { transport: faulty(transport, [], { dialects }), subject, schema: z.number() },
    )

  it('is spoken to in the highest version that both know', async () => {
    const { broker, near, exposed } = await bench()
    await exposed.close()
    const versions: number[] = []
    await broker.connect().subscribe(subject, ({ data }) => versions.push(data[0]?.[1] as number))
    await doubled(release(2, 3), faulty(broker.connect()))
    const ref = remote<number, number>(faulty(near, [], { dialects: release(1, 4) }), subject, { schema: z.number() })
    expect(await ref.ask(1, 500)).toBe(2)
    expect(await ref.ask(2, 500)).toBe(4)
    await ref.tell(3)
    expect(versions).toEqual([1, 3, 3, 3])
  })

  it('that speaks no common version is named with what both speak', async () => {
    const { broker, near, exposed } = await bench()
    await exposed.close()
    await doubled(release(1, 2), faulty(broker.connect()))
    const ref = remote<number, number>(faulty(near, [], { dialects: release(3, 4) }), subject, { schema: z.number() })
    for (const asked of [ref.ask(1, 500), ref.tell(1)]) {
      await expect(asked).rejects.toBeInstanceOf(VersionMismatch)
      await expect(asked).rejects.toThrow(/versions 1 to 2 of the wire, this side versions 3 to 4/)
    }
  })

  it('passes over fields that it does not know, and refuses by name those that it must, as does who asked it', async () => {
    const { broker, near, exposed } = await bench()
    await exposed.close()
    const more = changed((header) => ({ ...header, region: 1 }))
    const required = changed((header) => ({ ...header, region: 1, must: ['region'] }))
    const asking = (dialects: typeof more) =>
      remote<number, number>(faulty(near, [], { dialects }), subject, { schema: z.number() }).ask(1, 500)
    const plain = await doubled(release(1, 1), faulty(broker.connect()))
    expect(await asking(more)).toBe(2)
    await expect(asking(required)).rejects.toThrow(/"region" must be understood/)
    await plain.close()
    const newer = await doubled(more, faulty(broker.connect()))
    expect(await asking(release(1, 1))).toBe(2)
    await newer.close()
    await doubled(required, faulty(broker.connect()))
    await expect(asking(release(1, 1))).rejects.toThrow(BadMessage)
    await expect(asking(release(1, 1))).rejects.toThrow(/"region" must be understood/)
  })

  it('names a kind of message that it does not know', async () => {
    const { near } = await bench()
    const said: unknown[] = []
    near.request(subject, packFrame({ kind: 'sing', message: 1, deadline: 5 }), {
      onReply: ({ data }) => said.push(readFrame(z.looseObject({}), data).header),
      onError: () => {},
    })
    await settled()
    expect(said).toMatchObject([{ kind: 'failure', code: 'bad-message', reason: expect.stringMatching(/"kind"/) }])
  })
})
