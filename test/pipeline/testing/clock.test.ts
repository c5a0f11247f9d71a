import { describe, expect, it } from 'vitest'
import { sleep } from '../../../pipeline/index.ts'
import { fakeClock } from '../../../pipeline/testing/index.ts'

describe('a fake clock', () => {
  it('stands still until it is told to go on', async () => {
    const clock = fakeClock(100)
    let fired = false
    clock.after(10, () => {
      fired = true
    })
    await clock.advance(9)
    expect([clock.now(), fired, clock.pending]).toEqual([109, false, 1])
    await clock.advance(1)
    expect([clock.now(), fired, clock.pending]).toEqual([110, true, 0])
  })

  it('fires timers in order of time, those of one moment in the order they were set, each at its own time', async () => {
    const clock = fakeClock()
    const fired: string[] = []
    for (const [name, ms] of [
      ['c', 20],
      ['a', 10],
      ['b', 10],
    ] as const) {
      clock.after(ms, () => fired.push(`${name} ${clock.now()}`))
    }
    await clock.advance(100)
    expect(fired).toEqual(['a 10', 'b 10', 'c 20'])
  })

  it('lets what a timer sets off happen before the next one, new timers included', async () => {
    const clock = fakeClock()
    const order: string[] = []
    const steps = async () => {
      await sleep(clock, 10)
      order.push('first')
      await sleep(clock, 5)
      order.push('second')
    }
    void steps()
    clock.after(12, () => order.push('between'))
    clock.after(20, () => order.push('last'))
    await clock.advance(20)
    expect(order).toEqual(['first', 'between', 'second', 'last'])
  })

  it('does not fire what was cancelled, and takes a time gone by as now', async () => {
    const clock = fakeClock(50)
    const fired: string[] = []
    clock.after(10, () => fired.push('cancelled')).cancel()
    clock.after(-10, () => fired.push(`past ${clock.now()}`))
    await clock.advance(20)
    expect(fired).toEqual(['past 50'])
  })
})
