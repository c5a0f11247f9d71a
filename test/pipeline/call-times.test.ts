import { describe, expect, it } from 'vitest'
import { CallTimes } from '../../pipeline/call-times.ts'
import { imageMessage } from '../../pipeline/testing/index.ts'

const picture = (bytes: number, model = 'one') => imageMessage({ plan: { model } }, { bytes: new Uint8Array(bytes) })

describe('the times of calls', () => {
  it('are nothing before the first of a kind', () => {
    const times = new CallTimes()
    times.add(picture(1000, 'slow'), 500)
    expect(times.most(picture(1000, 'one'))).toBe(0)
  })

  it('hold a small picture to what small ones take, and a large one to what large ones do', () => {
    const times = new CallTimes()
    for (let n = 0; n < 40; n++) times.add(picture(n % 2 ? 10_000 : 1_000_000), n % 2 ? 11 : 110)
    expect(times.most(picture(10_000))).toBeLessThan(40)
    expect(times.most(picture(1_000_000))).toBeGreaterThan(90)
  })

  it('leave room for what cannot be foretold', () => {
    const [steady, noisy] = [new CallTimes(), new CallTimes()]
    for (let n = 0; n < 40; n++) {
      steady.add(picture(1000), 20)
      noisy.add(picture(1000), n % 2 ? 10 : 30)
    }
    expect(steady.most(picture(1000))).toBeCloseTo(20)
    expect(noisy.most(picture(1000))).toBeGreaterThan(30)
  })

  it('follow a change', () => {
    const times = new CallTimes()
    for (let n = 0; n < 40; n++) times.add(picture(1000), 200)
    for (let n = 0; n < 200; n++) times.add(picture(1000), 10)
    expect(times.most(picture(1000))).toBeLessThan(20)
  })
})
