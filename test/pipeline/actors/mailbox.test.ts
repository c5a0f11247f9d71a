import { describe, expect, it } from 'vitest'
import { Mailbox, type Overflow } from '../../../pipeline/index.ts'
import { settled } from '../../../pipeline/testing/index.ts'

const emptied = <T>(mailbox: Mailbox<T>) => {
  const out: T[] = []
  for (let item = mailbox.shift(); item !== undefined; item = mailbox.shift()) out.push(item)
  return out
}

describe('a mailbox', () => {
  it.each<Overflow>(['block', 'drop-oldest', 'reject'])('gives out in the order it took in (%s)', (overflow) => {
    const mailbox = new Mailbox<number>(3, overflow)
    for (const n of [1, 2, 3]) expect(mailbox.push(n)).toBe(true)
    expect(emptied(mailbox)).toEqual([1, 2, 3])
    expect(mailbox.counts).toEqual({ received: 3, dropped: 0, rejected: 0, blocked: 0 })
  })

  it('that rejects keeps what it has and counts what it refused', () => {
    const mailbox = new Mailbox<number>(2, 'reject')
    expect([1, 2, 3, 4].map((n) => mailbox.push(n))).toEqual([true, true, false, false])
    expect(mailbox.counts).toEqual({ received: 2, dropped: 0, rejected: 2, blocked: 0 })
    expect(emptied(mailbox)).toEqual([1, 2])
  })

  it('that drops the oldest takes everything, tells of each it let go, and counts it', () => {
    const gone: number[] = []
    const mailbox = new Mailbox<number>(2, 'drop-oldest', (item) => gone.push(item))
    expect([1, 2, 3, 4].map((n) => mailbox.push(n))).toEqual([true, true, true, true])
    expect(gone).toEqual([1, 2])
    expect(mailbox.counts).toEqual({ received: 4, dropped: 2, rejected: 0, blocked: 0 })
    expect(emptied(mailbox)).toEqual([3, 4])
  })

  it('that blocks lets senders in one by one as room comes, in the order they came', async () => {
    const mailbox = new Mailbox<number>(1, 'block')
    const entered: number[] = []
    mailbox.push(1)
    for (const n of [2, 3]) void Promise.resolve(mailbox.push(n)).then(() => entered.push(n))
    expect(mailbox.counts).toEqual({ received: 1, dropped: 0, rejected: 0, blocked: 2 })
    expect(mailbox.shift()).toBe(1)
    await settled()
    expect(entered).toEqual([2])
    expect(mailbox.length).toBe(1)
    expect(emptied(mailbox)).toEqual([2, 3])
    await settled()
    expect(entered).toEqual([2, 3])
    expect(mailbox.counts.received).toBe(3)
  })

  it('that is cleared hands back all it held and all that waited to get in, and frees the senders', async () => {
    const mailbox = new Mailbox<number>(1, 'block')
    mailbox.push(1)
    const waiting = mailbox.push(2)
    expect(mailbox.clear()).toEqual([1, 2])
    await waiting
    expect(mailbox.length).toBe(0)
    expect(mailbox.push(3)).toBe(true)
  })

  it('without room is refused', () => {
    for (const capacity of [0, -1, Number.NaN]) expect(() => new Mailbox(capacity, 'reject')).toThrow(RangeError)
  })
})
