import { describe, expect, it } from 'vitest'
import { memoryBroker, memoryTransport } from '../../../adapters/memory/index.ts'
import { NoResponders, type Parts, packFrame } from '../../../pipeline/index.ts'
import { seededRandom, settled } from '../../../pipeline/testing/index.ts'
import { sendUp } from '../../../pipeline/wire/hand-over.ts'
import { Asked, answer, gate, said, text } from '../../contract/support.ts'

describe('memory transport', () => {
  it('hands the very same parts over, and back', async () => {
    const transport = memoryTransport()
    const sent: Parts = [new Uint8Array(8), new Uint8Array(1 << 20)]
    let got: Parts | undefined
    await transport.serve('same', (request) => {
      got = request.data
      request.reply(request.data)
    })
    expect((await answer(transport, 'same', sent)).data).toBe(sent)
    expect(got).toBe(sent)
  })

  it('writes a header that is handed over for those who take bytes', async () => {
    const broker = memoryBroker()
    const [near, far] = [broker.connect(), broker.connect({ handsOver: false })]
    const sent = sendUp({ kind: 'probe' }, [Uint8Array.of(7)], near)
    const got: Parts[] = []
    for (const party of [near, far]) await party.subscribe('one', ({ data }) => void got.push(data))
    near.publish('one', sent)
    await settled()
    expect(got[0]).toBe(sent)
    expect(got[1]).toEqual(packFrame({ kind: 'probe' }, [Uint8Array.of(7)]))
  })

  it('knows no bound unless it is given one', () => {
    expect(memoryTransport().maxPayload).toBe(Number.POSITIVE_INFINITY)
    expect(memoryTransport({ maxPayload: 10 }).maxPayload).toBe(10)
  })

  it('lets each group take turns of its own', async () => {
    const transport = memoryTransport()
    for (const group of ['a', 'b']) {
      for (const member of [1, 2]) {
        await transport.serve(group, (request) => request.reply(text(`${group}${member}`)), { group: 'g' })
      }
    }
    const heard: string[] = []
    for (let n = 0; n < 4; n++) {
      heard.push(said(await answer(transport, 'a')), said(await answer(transport, 'b')))
    }
    expect(heard).toEqual(['a1', 'b1', 'a2', 'b2', 'a1', 'b1', 'a2', 'b2'])
  })

  it('chooses members by the randomness it is given, the same again for the same seed', async () => {
    const choices = async (seed: number) => {
      const broker = memoryBroker({ random: seededRandom(seed) })
      const transport = broker.connect()
      for (const member of ['x', 'y', 'z']) {
        await broker.connect().serve('any', (request) => request.reply(text(member)), { group: 'g' })
      }
      const heard: string[] = []
      for (let n = 0; n < 30; n++) heard.push(said(await answer(transport, 'any')))
      return heard.join('')
    }
    expect(await choices(1)).toBe(await choices(1))
    expect(await choices(1)).not.toBe(await choices(2))
    expect(new Set(await choices(1)).size).toBe(3)
  })

  it('answers without a timer: before any timer or immediate gets its turn', async () => {
    const transport = memoryTransport()
    await transport.serve('quick', (request) => request.reply([]))
    let waited = false
    const immediate = setImmediate(() => {
      waited = true
    })
    await answer(transport, 'quick')
    expect(waited).toBe(false)
    clearImmediate(immediate)
  })

  it('starves no timer, however many messages are under way', async () => {
    const transport = memoryTransport()
    const rounds = 1_000_000
    let passed = 0
    let timerRang = false
    const ended = gate()
    setTimeout(() => {
      timerRang = true
    }, 0)
    await transport.subscribe('ball', () => {
      if (timerRang || ++passed === rounds) ended.open()
      else transport.publish('ball', [])
    })
    transport.publish('ball', [])
    await ended.opened
    expect(timerRang).toBe(true)
    expect(passed).toBeLessThan(rounds)
  })

  it('keeps its order across the pauses it makes for others', async () => {
    const transport = memoryTransport()
    const seen: number[] = []
    const all = gate()
    await transport.subscribe('order', (delivery) => {
      seen.push(Number(said(delivery)))
      if (seen.length === 5000) all.open()
    })
    for (let n = 0; n < 5000; n++) transport.publish('order', text(String(n)))
    await all.opened
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, n) => n))
  })

  it('delivers what was published before a drain, and nothing from after', async () => {
    const broker = memoryBroker()
    const publisher = broker.connect()
    const leaving = broker.connect()
    const seen: string[] = []
    await leaving.subscribe('edge', (delivery) => seen.push(said(delivery)))
    publisher.publish('edge', text('before'))
    const drained = leaving.drain()
    publisher.publish('edge', text('after'))
    await drained
    expect(seen).toEqual(['before'])
    expect(await new Asked(publisher, 'edge').error).toBeInstanceOf(NoResponders)
  })
})
