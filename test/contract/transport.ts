import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  BadConfiguration,
  DeadlineExceeded,
  NoResponders,
  StageFailed,
  TooLarge,
  TransportClosed,
} from '../../pipeline/index.ts'
import { Asked, answer, type Broker, Faults, gate, type Party, said, text, whole } from './support.ts'

/** What every transport promises, whatever carries it. `start` makes the broker that a suite's parties share. */
export function transportContract(name: string, start: () => Promise<Broker>): void {
  describe(`transport contract: ${name}`, () => {
    let broker: Broker
    let parties: Party[] = []

    const party = async (): Promise<Party> => {
      const faults = new Faults()
      const made = { transport: await broker.connect(faults), faults }
      parties.push(made)
      return made
    }
    const transport = async () => (await party()).transport

    beforeAll(async () => {
      broker = await start()
    })
    afterEach(async () => {
      await Promise.all(parties.map((one) => one.transport.drain(1000)))
      parties = []
    })
    afterAll(() => broker?.close())

    it('delivers to every subscriber, in the order of publishing', async () => {
      const [publisher, ...listeners] = [await transport(), await transport(), await transport()]
      const heard = await Promise.all(
        listeners.map(async (listener) => {
          const numbers: number[] = []
          const all = gate()
          await listener.subscribe('order.one', (delivery) => {
            numbers.push(Number(said(delivery)))
            if (numbers.length === 200) all.open()
          })
          return { numbers, all }
        }),
      )
      for (let n = 0; n < 200; n++) publisher.publish('order.one', text(String(n)))
      for (const { numbers, all } of heard) {
        await all.opened
        expect(numbers).toEqual(Array.from({ length: 200 }, (_, n) => n))
      }
    })

    it('never calls a handler inside the call that sends', async () => {
      const one = await transport()
      const done = gate()
      let sending = false
      let inside = false
      await one.subscribe('calm', () => {
        inside ||= sending
        done.open()
      })
      sending = true
      one.publish('calm', [])
      sending = false
      await done.opened
      expect(inside).toBe(false)
    })

    it('matches "*" with one token and ">" with one or more', async () => {
      const one = await transport()
      const seen: Record<string, string[]> = { 'w.*.c': [], 'w.>': [], 'w.a': [] }
      const done = gate()
      for (const [pattern, subjects] of Object.entries(seen)) {
        await one.subscribe(pattern, (delivery) => subjects.push(delivery.subject))
      }
      await one.subscribe('fence', () => done.open())
      for (const subject of ['w.a', 'w.b.c', 'w.b.c.d', 'w', 'x.b.c']) one.publish(subject, [])
      one.publish('fence', [])
      await done.opened
      expect(seen).toEqual({ 'w.*.c': ['w.b.c'], 'w.>': ['w.a', 'w.b.c', 'w.b.c.d'], 'w.a': ['w.a'] })
    })

    it('gives each member of a group a share and serves no delivery twice', async () => {
      const asker = await transport()
      const shares = [0, 0, 0]
      for (const index of shares.keys()) {
        const member = await transport()
        await member.serve(
          'work',
          (request) => {
            shares[index] = (shares[index] as number) + 1
            request.reply(request.data)
          },
          { group: 'workers' },
        )
      }
      const asked = Array.from({ length: 300 }, (_, n) => new Asked(asker, 'work', text(String(n))))
      for (const [n, one] of asked.entries()) expect((await one.heard()).map(said)).toEqual([String(n)])
      expect(shares.reduce((sum, share) => sum + share)).toBe(300)
      expect(Math.min(...shares)).toBeGreaterThan(0)
    })

    it('shares a subscription among its group as it does a service', async () => {
      const publisher = await transport()
      let deliveries = 0
      const fence = gate()
      for (let n = 0; n < 2; n++) {
        const member = await transport()
        await member.subscribe('shared', () => deliveries++, { group: 'g' })
        await member.subscribe('shared.fence', (delivery) => {
          if (said(delivery) === String(n)) publisher.publish('shared.passed', text(String(n)))
        })
      }
      let passed = 0
      await publisher.subscribe('shared.passed', () => {
        if (++passed === 2) fence.open()
      })
      for (let n = 0; n < 50; n++) publisher.publish('shared', [])
      for (let n = 0; n < 2; n++) publisher.publish('shared.fence', text(String(n)))
      await fence.opened
      expect(deliveries).toBe(50)
    })

    it('asks every server that is in no group', async () => {
      const asker = await transport()
      for (const name of ['a', 'b']) {
        await (await transport()).serve('all', (request) => request.reply(text(name)))
      }
      const asked = new Asked(asker, 'all')
      expect((await asked.heard(2)).map(said).sort()).toEqual(['a', 'b'])
    })

    it('says at once that nobody listens, and says it once', async () => {
      const asker = await transport()
      let sending = true
      let inside = false
      const asked = new Asked(asker, 'nobody.here', text('hello?'))
      void asked.error.then(() => {
        inside = sending
      })
      sending = false
      const error = await asked.error
      expect(error).toBeInstanceOf(NoResponders)
      expect(error.message).toContain('nobody.here')
      expect(inside).toBe(false)
      expect(() => asker.publish('nobody.here', [])).not.toThrow()
      await asker.drain()
      expect(asked).toMatchObject({ errors: 1, replies: [] })
    })

    it('passes on many replies in order', async () => {
      const asker = await transport()
      const server = await transport()
      await server.serve('many', async (request) => {
        for (let n = 0; n < 100; n++) {
          if (n % 10 === 0) await Promise.resolve()
          request.reply(text(String(n)))
        }
      })
      const replies = await new Asked(asker, 'many').heard(100)
      expect(replies.map(said)).toEqual(Array.from({ length: 100 }, (_, n) => String(n)))
    })

    it('keeps a thousand conversations apart', async () => {
      const asker = await transport()
      const server = await transport()
      await server.serve('apart', async (request) => {
        if (Number(said(request)) % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
        request.reply(request.data)
      })
      const numbers = Array.from({ length: 1000 }, (_, n) => String(n))
      const replies = await Promise.all(numbers.map((n) => answer(asker, 'apart', text(n))))
      expect(replies.map(said)).toEqual(numbers)
    })

    it.each([
      ['rejects', async () => Promise.reject(new Error('model on fire'))],
      [
        'throws',
        () => {
          throw new Error('model on fire')
        },
      ],
    ])('reports a handler that %s, and serves on', async (_how, fail) => {
      const asker = await transport()
      const { transport: server, faults } = await party()
      await server.serve('faulty', (request) => (said(request) === 'bad' ? fail() : request.reply(text('fine'))))
      new Asked(asker, 'faulty', text('bad'))
      const fault = await faults.first()
      expect(fault).toBeInstanceOf(StageFailed)
      expect(fault.message).toContain('model on fire')
      expect(said(await answer(asker, 'faulty', text('good')))).toBe('fine')
    })

    it('survives a listener that throws, and reports it', async () => {
      const { transport: asker, faults } = await party()
      const server = await transport()
      await server.serve('echo', (request) => request.reply(request.data))
      const conversation = asker.request('echo', text('one'), {
        onReply: () => {
          throw new Error('bad listener')
        },
        onError: () => {},
      })
      expect((await faults.first()).message).toContain('bad listener')
      conversation.close()
      expect(said(await answer(asker, 'echo', text('two')))).toBe('two')
    })

    it('carries headers both ways, and none where none were given', async () => {
      const asker = await transport()
      const server = await transport()
      const got: unknown[] = []
      await server.serve('headed', (request) => {
        got.push({ ...request.headers })
        request.reply(
          [],
          said(request) === 'with' ? { traceparent: '00-ab-cd-01', 'x-Case': 'kept: as is' } : undefined,
        )
      })
      const withHeaders = await answer(asker, 'headed', text('with'), { 'message-id': 'm 1', MixedCase: 'Ü' })
      const without = await answer(asker, 'headed', text('without'))
      expect(got).toEqual([{ 'message-id': 'm 1', MixedCase: 'Ü' }, {}])
      expect({ ...withHeaders.headers }).toEqual({ traceparent: '00-ab-cd-01', 'x-Case': 'kept: as is' })
      expect({ ...without.headers }).toEqual({})
    })

    it('refuses what is no subject before it reaches the wire', async () => {
      const one = await transport()
      const handlers = { onReply: () => {}, onError: () => {} }
      for (const subject of ['', '.', 'a..b', 'a.', 'a b', 'a\r\nPING', 'a.*', '>', 'ä', '$SYS.x', 'a'.repeat(600)]) {
        expect(() => one.publish(subject, []), subject).toThrow(BadConfiguration)
        expect(() => one.request(subject, [], handlers), subject).toThrow(BadConfiguration)
      }
      for (const pattern of ['', 'a.>.b', 'a*', '>a', 'a b', 'a.b>', 'a\r\nSUB']) {
        await expect(
          one.subscribe(pattern, () => {}),
          pattern,
        ).rejects.toThrow(BadConfiguration)
        await expect(
          one.serve(pattern, () => {}),
          pattern,
        ).rejects.toThrow(BadConfiguration)
      }
      await expect(one.serve('fine', () => {}, { group: 'not fine' })).rejects.toThrow(BadConfiguration)
    })

    it('refuses headers that could break out of their line', async () => {
      const one = await transport()
      for (const headers of [{ 'a\r\nb': 'c' }, { a: 'b\r\nc: d' }, { 'a:b': 'c' }, { '': 'x' }, { a: ' b' }]) {
        expect(() => one.publish('fine', [], headers), JSON.stringify(headers)).toThrow(BadConfiguration)
      }
    })

    const sizes = [0, 1, 64 * 1024, 900 * 1024]
    it.each(sizes)('carries %i bytes whole, both ways, given as one part or as many', async (size) => {
      const asker = await transport()
      const server = await transport()
      const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, n) => (n * 31 + (n >> 8)) & 255))
      const cuts = [0, Math.floor(size / 7), Math.floor(size / 7), Math.floor(size / 2), size]
      const many = cuts.slice(1).map((end, n) => bytes.subarray(cuts[n], end))
      await server.serve('sized', (request) => {
        const one = whole(request.data)
        request.reply([one.subarray(0, 1), one.subarray(1)])
      })
      for (const parts of [[bytes], many]) {
        const reply = await answer(asker, 'sized', parts)
        expect(whole(reply.data).equals(bytes)).toBe(true)
      }
    })

    it('refuses data above its bound', async () => {
      const asker = await transport()
      const { transport: server, faults } = await party()
      const bound = server.maxPayload
      expect(bound).toBeLessThan(16 * 1024 * 1024)
      const half = Buffer.alloc(Math.ceil(bound / 2) + 1)
      await server.serve('large', (request) => {
        request.reply(said(request) === 'more' ? [half, half] : text('small'))
      })
      expect(() => asker.publish('large', [half, half])).toThrow(TooLarge)
      expect(() => asker.request('large', [half, half], { onReply: () => {}, onError: () => {} })).toThrow(TooLarge)
      new Asked(asker, 'large', text('more'))
      expect(await faults.first()).toBeInstanceOf(TooLarge)
      expect(said(await answer(asker, 'large', text('less')))).toBe('small')
    })

    it('passes on nothing more once a conversation is closed', async () => {
      const asker = await transport()
      const server = await transport()
      const closed = gate()
      await server.serve('chatty', async (request) => {
        request.reply(text('one'))
        await closed.opened
        request.reply(text('two'))
        request.reply(text('three'))
      })
      await server.serve('fence', (request) => request.reply([]))
      const asked = new Asked(asker, 'chatty')
      await asked.heard(1)
      asked.conversation.close()
      asked.conversation.close()
      closed.open()
      await answer(asker, 'fence')
      await asker.drain()
      expect(asked.replies.map(said)).toEqual(['one'])
      expect(asked.errors).toBe(0)
    })

    it('is unharmed by a request whose requester has gone', async () => {
      const asker = await transport()
      const { transport: server, faults } = await party()
      const taken = gate()
      const gone = gate()
      await server.serve('abandoned', async (request) => {
        if (said(request) === 'next') return request.reply(text('served'))
        taken.open()
        await gone.opened
        request.reply(text('too late'))
      })
      const leaver = await transport()
      new Asked(leaver, 'abandoned')
      await taken.opened
      await leaver.drain()
      gone.open()
      expect(said(await answer(asker, 'abandoned', text('next')))).toBe('served')
      expect(faults.seen).toEqual([])
    })

    it('lets a handler reply to a publisher, whom no reply reaches', async () => {
      const one = await transport()
      const { transport: server, faults } = await party()
      const done = gate()
      await server.serve('mute', (request) => {
        request.reply(text('unheard'))
        done.open()
      })
      one.publish('mute', [])
      await done.opened
      expect(faults.seen).toEqual([])
    })

    it('ends deliveries at once when a subscription closes', async () => {
      const one = await transport()
      const seen: string[] = []
      const fence = gate()
      const subscription = await one.subscribe('closing', (delivery) => {
        seen.push(said(delivery))
        void subscription.close()
      })
      await one.subscribe('closing.fence', () => fence.open())
      for (const n of ['1', '2', '3']) one.publish('closing', text(n))
      one.publish('closing.fence', [])
      await fence.opened
      expect(seen).toEqual(['1'])
      await subscription.close()
    })

    it('drains a subscription: running handlers finish, the rest of the group takes what is new', async () => {
      const asker = await transport()
      const leaving = await transport()
      const taken = gate()
      const finish = gate()
      const subscription = await leaving.serve(
        'handover',
        async (request) => {
          taken.open()
          await finish.opened
          request.reply(text('leaving'))
        },
        { group: 'g' },
      )
      const first = new Asked(asker, 'handover')
      await taken.opened
      let drained = false
      const draining = subscription.drain().then(() => {
        drained = true
      })
      const staying = await transport()
      await staying.serve('handover', (request) => request.reply(text('staying')), { group: 'g' })
      await answer(leaving, 'handover')
      for (let n = 0; n < 20; n++) expect(said(await answer(asker, 'handover'))).toBe('staying')
      expect(drained).toBe(false)
      finish.open()
      expect((await first.heard()).map(said)).toEqual(['leaving'])
      await draining
    })

    it('drains: running handlers finish and are heard, nothing new is taken', async () => {
      const asker = await transport()
      const leaving = await transport()
      const taken = gate()
      const finish = gate()
      await leaving.serve('last', async (request) => {
        taken.open()
        await finish.opened
        request.reply(text('finished'))
      })
      await leaving.serve('other', (request) => request.reply([]))
      const asked = new Asked(asker, 'last')
      await taken.opened
      let closed = false
      void leaving.closed.then(() => {
        closed = true
      })
      const draining = leaving.drain(10_000)
      while (!((await outcome(asker, 'other')) instanceof NoResponders)) await Promise.resolve()
      expect(await outcome(asker, 'last')).toBeInstanceOf(NoResponders)
      expect(closed).toBe(false)
      finish.open()
      expect((await asked.heard()).map(said)).toEqual(['finished'])
      await draining
      expect(await leaving.closed).toBeUndefined()
    })

    it('ends a drain at its deadline, and reports the handlers it left', async () => {
      const asker = await transport()
      const { transport: leaving, faults } = await party()
      const taken = gate()
      await leaving.serve('stuck', () => {
        taken.open()
        return new Promise<void>(() => {})
      })
      new Asked(asker, 'stuck')
      await taken.opened
      await leaving.drain(20)
      expect(await leaving.closed).toBeUndefined()
      expect(faults.seen).toEqual([expect.any(DeadlineExceeded)])
    })

    it('refuses everything after close', async () => {
      const one = await transport()
      expect(one.connected).toBe(true)
      const first = one.drain()
      await Promise.all([first, one.drain()])
      await one.drain()
      expect(one.connected).toBe(false)
      expect(() => one.publish('late', [])).toThrow(TransportClosed)
      expect(() => one.request('late', [], { onReply: () => {}, onError: () => {} })).toThrow(TransportClosed)
      await expect(one.subscribe('late', () => {})).rejects.toThrow(TransportClosed)
      await expect(one.serve('late', () => {})).rejects.toThrow(TransportClosed)
    })

    it('tells open conversations that it was closed', async () => {
      const asker = await transport()
      const server = await transport()
      const taken = gate()
      await server.serve('silent', () => taken.open())
      const asked = new Asked(asker, 'silent')
      await taken.opened
      await asker.drain()
      expect(await asked.error).toBeInstanceOf(TransportClosed)
      expect(asked.errors).toBe(1)
    })
  })
}

/** The first reply or the error of one question. */
async function outcome(transport: Party['transport'], subject: string): Promise<unknown> {
  const asked = new Asked(transport, subject)
  try {
    return await Promise.race([asked.heard(), asked.error])
  } catch (error) {
    return error
  } finally {
    asked.conversation.close()
  }
}
