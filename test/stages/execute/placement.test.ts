import { describe, expect, test } from 'vitest'
import { type Candidate, leastLoaded, mostRoom, powerOfTwo, residencyFirst } from '../../../stages/execute/index.ts'
import { model } from './pools.ts'

const candidate = (id: string, of: Partial<Candidate> & { held?: string } = {}): Candidate => ({
  id,
  models: 0,
  bytes: 0,
  work: 0,
  ...of,
  holds: (key) => key === of.held,
})
const held = { held: 'key-a' }

describe('a placement', () => {
  test('residency first: a holder, else the one with the fewest models', () => {
    const idle = [candidate('x', { models: 2 }), candidate('y', { models: 1 }), candidate('z', { models: 9, ...held })]
    expect(residencyFirst(model('a'), idle)?.id).toBe('z')
    expect(residencyFirst(model('b'), idle)?.id).toBe('y')
  })

  test('most room: a holder, else the one whose models take the fewest bytes', () => {
    const idle = [candidate('x', { models: 1, bytes: 900 }), candidate('y', { models: 5, bytes: 100 })]
    expect(mostRoom(model('a'), idle)?.id).toBe('y')
    expect(mostRoom(model('a'), [...idle, candidate('z', { bytes: 999, ...held })])?.id).toBe('z')
  })

  test('least loaded: the one that has worked the least, a holder among equals', () => {
    const idle = [candidate('x', { work: 5 }), candidate('y', { work: 3 }), candidate('z', { work: 9, ...held })]
    expect(leastLoaded(model('a'), idle)?.id).toBe('y')
    expect(leastLoaded(model('a'), [candidate('x'), candidate('z', held)])?.id).toBe('z')
  })

  test('power of two: the less loaded of two that were drawn, holders only where there are any', () => {
    const draws = [0, 0.5]
    const place = powerOfTwo(() => draws.shift() ?? 0)
    const idle = [candidate('x', { work: 5 }), candidate('y', { work: 1 }), candidate('z', { work: 3 })]
    // Drawn: x, and the second after it.
    expect(place(model('a'), idle)?.id).toBe('z')
    expect(powerOfTwo()(model('a'), [candidate('x'), candidate('z', { work: 9, ...held })])?.id).toBe('z')
    expect(powerOfTwo()(model('a'), [candidate('x')])?.id).toBe('x')
  })

  test('power of two never draws the same one twice', () => {
    const idle = [candidate('x', { work: 9 }), candidate('y', { work: 1 })]
    for (let seed = 0; seed < 1; seed += 0.05) expect(powerOfTwo(() => seed)(model('a'), idle)?.id).toBe('y')
  })
})
