import { describe, expect, it } from 'vitest'
import { FairQueue } from '../../pipeline/fair-queue.ts'
import type { Place } from '../../pipeline/shares.ts'

/** Owners who always have something waiting, whose calls take so long; runs for `ms`. */
function shared(places: number, owners: Readonly<Record<string, number>>, ms: number) {
  let now = 0
  const queue = new FairQueue<{ owner: string; expires: number }>(places, () => now)
  const running: { place: Place; ends: number }[] = []
  const time: Record<string, number> = {}
  for (; now < ms; now++) {
    for (const one of running.filter(({ ends }) => ends === now)) {
      running.splice(running.indexOf(one), 1)
      queue.free(one.place)
    }
    for (const owner of Object.keys(owners)) for (let n = 0; n < places; n++) queue.add({ owner, expires: now })
    for (let next = queue.next(); next; next = queue.next()) {
      running.push({ place: queue.hold(next), ends: now + (owners[next.owner] as number) })
    }
    for (const { place } of running) time[place.owner] = (time[place.owner] ?? 0) + 1
  }
  return time
}

describe('a fair line for places', () => {
  it('gives owners equal time, however long their calls take', () => {
    const time = shared(1, { quick: 3, slow: 50, slower: 90 }, 30_000)
    const shares = Object.values(time).map((ms) => ms / 30_000)
    expect(Math.min(...shares)).toBeGreaterThan(0.3)
  })

  it('gives a lone owner all places', () => {
    expect(shared(4, { alone: 10 }, 100)).toEqual({ alone: 400 })
  })

  it('serves the earliest deadline first of one owner', () => {
    const queue = new FairQueue<{ owner: string; expires: number }>(1, () => 0)
    for (const expires of [30, 10, 20]) queue.add({ owner: 'a', expires })
    expect([queue.next(), queue.next(), queue.next()].map((one) => one?.expires)).toEqual([10, 20, 30])
  })

  describe('while others are about', () => {
    const queueOf = (places: number) => {
      const clock = { now: 0 }
      const queue = new FairQueue<{ owner: string; expires: number }>(places, () => clock.now)
      /** How many of so many calls begin. */
      const begin = (owner: string, times: number, patience = 10_000) => {
        const begun: Place[] = []
        for (let n = 0; n < times; n++) {
          const place = queue.take({ owner, expires: clock.now + patience })
          if (place) begun.push(place)
        }
        return begun
      }
      /** One call that takes `ms`. */
      const call = (owner: string, ms: number) => {
        const [place] = begin(owner, 1) as [Place]
        clock.now += ms
        queue.free(place)
      }
      return { clock, queue, begin, call }
    }

    it('one whose calls are long has no more places than its share, and leaves the rest', () => {
      const { begin, call } = queueOf(4)
      call('bomber', 5000)
      call('polite', 10)
      expect(begin('bomber', 4)).toHaveLength(2)
      expect(begin('polite', 4)).toHaveLength(2)
    })

    it('one of more owners than there are places has one, and the others come in beside it', () => {
      const { begin, call } = queueOf(4)
      for (const owner of ['a', 'b', 'c', 'd', 'e']) call(owner, 10)
      call('bomber', 5000)
      expect(begin('bomber', 4)).toHaveLength(1)
      expect(begin('a', 4)).toHaveLength(3)
    })

    it('one of whom nothing is known yet has its share', () => {
      const { begin, call } = queueOf(4)
      call('polite', 10)
      expect(begin('new', 4)).toHaveLength(2)
    })

    it('one that gives its places back soon has all that are free', () => {
      const { begin, call } = queueOf(4)
      call('other', 10)
      call('busy', 100)
      expect(begin('busy', 4)).toHaveLength(4)
    })

    it('how soon that is depends on the time that the others have', () => {
      const { begin, call, queue } = queueOf(4)
      call('busy', 100)
      for (const place of begin('hurried', 1, 200)) queue.free(place)
      expect(begin('busy', 4)).toHaveLength(2)
    })

    it('calls that never end count as long ones', () => {
      const { clock, begin, call } = queueOf(5)
      call('polite', 10)
      call('endless', 10)
      expect(begin('endless', 2)).toHaveLength(2)
      clock.now += 9000
      call('polite', 10)
      // Of five places two are the other's, and one is nobody's.
      expect(begin('endless', 3)).toHaveLength(1)
      expect(begin('polite', 4)).toHaveLength(2)
    })

    it('one that is alone again for a while has all places', () => {
      const { clock, begin, call } = queueOf(4)
      call('polite', 10)
      call('bomber', 5000)
      clock.now += 5001
      expect(begin('bomber', 4)).toHaveLength(4)
    })

    it('a place that is free for one is not kept from it by those who wait and have their share', () => {
      const { begin, call, queue } = queueOf(2)
      call('polite', 10)
      call('bomber', 5000)
      begin('bomber', 1)
      queue.add({ owner: 'bomber', expires: 20_000 })
      expect(queue.next()).toBeUndefined()
      const polite = { owner: 'polite', expires: 20_000 }
      queue.add(polite)
      expect(queue.next()).toBe(polite)
    })
  })

  it('does not let one who comes late make up for the time it was away', () => {
    let now = 0
    const queue = new FairQueue<{ owner: string; expires: number }>(1, () => now)
    for (let n = 0; n < 100; n++) {
      const place = queue.take({ owner: 'early', expires: 0 }) as Place
      now += 10
      queue.free(place)
    }
    const served: string[] = []
    for (let n = 0; n < 10; n++) for (const owner of ['early', 'late']) queue.add({ owner, expires: 0 })
    for (let next = queue.next(); next && served.length < 8; next = queue.next()) {
      served.push(next.owner)
      const place = queue.hold(next)
      now += 10
      queue.free(place)
    }
    expect(served.filter((owner) => owner === 'early').length).toBeGreaterThanOrEqual(3)
  })
})
