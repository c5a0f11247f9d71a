import { describe, expect, it } from 'vitest'
import { FairQueue, type Place } from '../../pipeline/fair-queue.ts'

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
      running.push({ place: queue.hold(next.owner), ends: now + (owners[next.owner] as number) })
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

  it('keeps the last place for the others while they are about', () => {
    const queue = new FairQueue<{ owner: string; expires: number }>(3, () => 0)
    const polite = queue.take('polite') as Place
    queue.free(polite)
    expect([queue.take('bomber'), queue.take('bomber')].every(Boolean)).toBe(true)
    expect(queue.take('bomber')).toBeUndefined()
    expect(queue.take('polite')).toBeDefined()
  })

  it('does not let one who comes late make up for the time it was away', () => {
    let now = 0
    const queue = new FairQueue<{ owner: string; expires: number }>(1, () => now)
    for (let n = 0; n < 100; n++) {
      const place = queue.take('early') as Place
      now += 10
      queue.free(place)
    }
    const served: string[] = []
    for (let n = 0; n < 10; n++) for (const owner of ['early', 'late']) queue.add({ owner, expires: 0 })
    for (let next = queue.next(); next && served.length < 8; next = queue.next()) {
      served.push(next.owner)
      const place = queue.hold(next.owner)
      now += 10
      queue.free(place)
    }
    expect(served.filter((owner) => owner === 'early').length).toBeGreaterThanOrEqual(3)
  })
})
