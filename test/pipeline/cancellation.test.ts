import { describe, expect, it } from 'vitest'
import { Cancellation, Cancelled, DeadlineExceeded } from '../../pipeline/index.ts'

describe('a cancellation', () => {
  it('calls each that listens once, however often it is cancelled', () => {
    const cancellation = new Cancellation()
    const told: string[] = []
    for (const name of ['a', 'b']) cancellation.listen(() => told.push(name))
    expect([cancellation.cancelled, told]).toEqual([false, []])
    cancellation.cancel()
    cancellation.cancel()
    expect([cancellation.cancelled, told]).toEqual([true, ['a', 'b']])
  })

  it('calls whoever comes too late at once, and nobody who has stopped listening', () => {
    const cancellation = new Cancellation()
    const told: string[] = []
    const gone = () => void told.push('gone')
    cancellation.listen(gone)
    cancellation.unlisten(gone)
    cancellation.cancel()
    cancellation.listen(() => told.push('late'))
    expect(told).toEqual(['late'])
  })

  it('lets a listener cancel again, and another stop listening, while it is told', () => {
    const cancellation = new Cancellation()
    const told: string[] = []
    cancellation.listen(() => {
      told.push('first')
      cancellation.cancel()
    })
    cancellation.listen(() => told.push('second'))
    cancellation.cancel()
    expect(told).toEqual(['first', 'second'])
  })

  it('is a real signal for those who need one, asked for before or after', () => {
    const [before, after] = [new Cancellation(), new Cancellation()]
    const { signal } = before
    expect(signal.aborted).toBe(false)
    before.cancel()
    after.cancel()
    expect([signal.aborted, before.signal === signal, after.signal.aborted]).toEqual([true, true, true])
  })

  it('says why: as its signal does, and the first that cancelled counts', () => {
    const late = new DeadlineExceeded('too late')
    const cancellation = new Cancellation()
    const { signal } = cancellation
    cancellation.cancel(late)
    cancellation.cancel(new Cancelled())
    expect(cancellation.reason).toBe(late)
    expect(signal.reason).toBe(late)
    const plain = new Cancellation()
    plain.cancel()
    expect(plain.reason).toBeInstanceOf(Cancelled)
    expect(plain.signal.reason).toBe(plain.reason)
  })
})
