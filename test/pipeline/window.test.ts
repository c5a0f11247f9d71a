import { describe, expect, it } from 'vitest'
import { Window } from '../../pipeline/index.ts'
import { settled } from '../../pipeline/testing/index.ts'

describe('window', () => {
  it('gives as many places as it has, and no more', () => {
    const window = new Window(2)
    expect([window.tryAcquire(), window.tryAcquire(), window.tryAcquire()]).toEqual([true, true, false])
    expect(window.taken).toBe(2)
  })

  it('gives a place that is free again to whoever waited longest', async () => {
    const window = new Window(1)
    const got: string[] = []
    await window.acquire()
    for (const who of ['first', 'second']) void window.acquire().then(() => got.push(who))
    window.release()
    await settled()
    expect(got).toEqual(['first'])
    window.release()
    await settled()
    expect(got).toEqual(['first', 'second'])
    expect(window.taken).toBe(1)
  })

  it('lets nobody overtake those who wait', async () => {
    const window = new Window(1)
    await window.acquire()
    void window.acquire()
    window.release()
    expect(window.tryAcquire()).toBe(false)
  })

  it('forgets who stopped waiting, and gives the place to the next', async () => {
    const window = new Window(1)
    await window.acquire()
    const leaving = new AbortController()
    const left = window.acquire(leaving.signal)
    const stayed = window.acquire()
    leaving.abort(new Error('enough'))
    await expect(left).rejects.toThrow('enough')
    window.release()
    await stayed
    expect(window.taken).toBe(1)
  })

  it('gives no place to who had stopped waiting before asking', async () => {
    const window = new Window(1)
    await expect(window.acquire(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    expect(window.taken).toBe(0)
  })

  it('is never emptier than empty', () => {
    const window = new Window(1)
    window.release()
    expect(window.taken).toBe(0)
    expect([window.tryAcquire(), window.tryAcquire()]).toEqual([true, false])
  })

  it('gives no more places than its limit says, but one whatever it says', async () => {
    let limit = 2
    const window = new Window(8, () => limit)
    expect([window.tryAcquire(), window.tryAcquire(), window.tryAcquire()]).toEqual([true, true, false])
    limit = 0
    window.release()
    window.release()
    expect([window.tryAcquire(), window.tryAcquire()]).toEqual([true, false])
  })

  it('gives all that waited for it what a raised limit allows, and takes back nothing when it falls', async () => {
    let limit = 1
    const window = new Window(8, () => limit)
    const got: number[] = []
    await window.acquire()
    for (const who of [1, 2, 3]) void window.acquire().then(() => got.push(who))
    limit = 2
    window.release()
    await settled()
    expect([got, window.taken]).toEqual([[1, 2], 2])
    limit = 1
    window.release()
    await settled()
    expect([got, window.taken]).toEqual([[1, 2], 1])
    window.release()
    await settled()
    expect([got, window.taken]).toEqual([[1, 2, 3], 1])
  })

  it('refuses to be without places', () => {
    for (const capacity of [0, -1, 1.5, Number.NaN]) expect(() => new Window(capacity)).toThrow(RangeError)
  })
})
