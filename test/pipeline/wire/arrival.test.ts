import { describe, expect, it } from 'vitest'
import { Arrival } from '../../../pipeline/wire/arrival.ts'
import type { MessageHeader } from '../../../pipeline/wire/codec.ts'

const by = (link?: MessageHeader['link']) => ({ link }) as MessageHeader

describe('an offer whose chunks come', () => {
  it('is stuck after a few round trips without one, and not before', () => {
    const arrival = new Arrival(by({ rtt: 100, upload: 900 }), 10, 0)
    expect(arrival.stuckFor(4000)).toBeUndefined()
    expect(arrival.stuckFor(4001)).toBe(4001)
  })

  it('is not stuck while they come, however slowly the whole of it', () => {
    const arrival = new Arrival(by({ rtt: 10, upload: 10 }), 100, 0)
    for (let n = 1; n <= 100; n++) {
      expect(arrival.stuckFor(n * 1900)).toBeUndefined()
      arrival.observe(100 - n, n * 1900)
    }
  })

  it('may rest longer on a way that has shown longer rests', () => {
    const arrival = new Arrival(by({ rtt: 1, upload: 1 }), 10, 0)
    arrival.observe(9, 1500)
    expect(arrival.stuckFor(13_500)).toBeUndefined()
    expect(arrival.stuckFor(13_501)).toBe(12_001)
  })

  it('is stuck where the same chunk comes again and again, and whatever its sender says of the way', () => {
    const arrival = new Arrival(by({ rtt: 1e9, upload: 1e9 }), 10, 0)
    for (let now = 0; now <= 31_000; now += 1000) arrival.observe(10, now)
    expect(arrival.stuckFor(31_000)).toBe(31_000)
  })
})
