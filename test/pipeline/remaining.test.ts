import { describe, expect, it } from 'vitest'
import { RemainingWork } from '../../pipeline/remaining.ts'

describe('the work that remains', () => {
  it('is nothing as long as nothing was seen', () => {
    expect(new RemainingWork().after('device', false)).toBe(0)
  })

  it('is the least of each step that follows, waiting and loads apart', () => {
    const work = new RemainingWork()
    work.observe({ capture: 1, device: 5, transfer: 40, cloud: 8, queue: 900, load: 900, execute: 20 })
    work.observe({ device: 9, transfer: 30, cloud: 9, execute: 25 })
    expect(work.after('device', false)).toBeCloseTo(30 + 8 + 20, 0)
    expect(work.after('cloud', false)).toBeCloseTo(20, 0)
    expect(work.after('execute', false)).toBe(0)
  })

  it('leaves out the way where a message does not cross', () => {
    const work = new RemainingWork()
    work.observe({ device: 5, transfer: 40, cloud: 8, execute: 20 })
    expect(work.after('device', true)).toBe(20)
  })

  it('believes in a step that takes longer after a while', () => {
    const work = new RemainingWork()
    work.observe({ execute: 10 })
    for (let n = 0; n < 300; n++) work.observe({ execute: 100 })
    expect(work.after('cloud', false)).toBe(100)
  })
})
