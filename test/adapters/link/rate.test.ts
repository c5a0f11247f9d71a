import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { constantRate, deadRate, opportunities, steps } from '../../../adapters/link/rate.ts'
import { parseOpportunities, parseSteps, readTrace } from '../../../adapters/link/trace.ts'
import { BadConfiguration, BadInput } from '../../../pipeline/index.ts'

describe('a rate', () => {
  test('that is constant takes bytes ÷ rate, one message after the other', () => {
    const link = constantRate(8e6).open()
    expect(link.send(10, 5000)).toBe(15)
    expect(link.send(11, 1000)).toBe(16)
    expect(link.send(100, 1000)).toBe(101)
  })

  test('that is dead lets nothing through', () => {
    expect(deadRate.open().send(0, 1)).toBe(Number.POSITIVE_INFINITY)
  })

  test('of opportunities delivers 1,504 bytes at each, of as many messages as are queued', () => {
    const link = opportunities([10, 20, 20, 40]).open()
    expect(link.send(0, 1000)).toBe(10)
    expect(link.send(0, 504)).toBe(10)
    expect(link.send(0, 1)).toBe(20)
    expect(link.send(0, 1503 + 1504)).toBe(20)
    expect(link.send(0, 1)).toBe(40)
  })

  test('of opportunities loses those that find nothing queued', () => {
    const link = opportunities([10, 20, 30]).open()
    expect(link.send(0, 10)).toBe(10)
    expect(link.send(25, 10)).toBe(30)
  })

  test('of opportunities begins anew behind the last', () => {
    const link = opportunities([10, 20]).open()
    expect(link.send(15, 2 * 1504)).toBe(30)
    expect(link.send(15, 1504)).toBe(40)
    expect(link.send(1000, 1504)).toBe(1010)
  })

  test('of steps waits where nothing passes', () => {
    // 1 byte/ms for 10 ms, nothing for 10, 2 bytes/ms for 10.
    const link = steps([
      { at: 0, bitsPerSecond: 8000 },
      { at: 10, bitsPerSecond: 0 },
      { at: 20, bitsPerSecond: 16_000 },
    ]).open()
    expect(link.send(0, 5)).toBe(5)
    expect(link.send(0, 5)).toBe(10)
    expect(link.send(0, 2)).toBe(21)
    expect(link.send(21, 18 + 3)).toBe(33)
  })

  const rates = fc.oneof(
    fc
      .array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 60 })
      .map((times) => opportunities([...times.sort((a, b) => a - b), 1001])),
    fc
      .array(fc.integer({ min: 0, max: 20_000_000 }), { minLength: 2, maxLength: 40 })
      .map((list) => steps([...list, 1e6].map((bitsPerSecond, i) => ({ at: 100 * i, bitsPerSecond })))),
  )

  test('keeps order and never goes back in time', () => {
    const messages = fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 20_000 })), {
      minLength: 1,
    })
    fc.assert(
      fc.property(rates, messages, (rate, sent) => {
        const link = rate.open()
        let at = 0
        let before = 0
        for (const [pause, bytes] of sent) {
          at += pause
          const left = link.send(at, bytes)
          expect(left).toBeGreaterThanOrEqual(Math.max(at, before))
          expect(link.free).toBe(left)
          before = left
        }
      }),
      { numRuns: 300, seed: 5 },
    )
  })

  test('under a backlog delivers its mean over whole periods, within one message', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 100, max: 1504 }), (rate, bytes) => {
        const link = rate.open()
        let sent = 0
        let left = 0
        while (left < 60_000) {
          left = link.send(0, bytes)
          sent += bytes
        }
        // A period of at most 4.1 s may be cut off at its end.
        expect((8000 * sent) / left / rate.mean).toBeGreaterThan(0.85)
        expect((8000 * sent) / left / rate.mean).toBeLessThan(1.15)
      }),
      { numRuns: 60, seed: 9 },
    )
  })
})

describe('a trace', () => {
  test('is read in both formats', () => {
    expect(parseOpportunities('0\n7\n8\n8\n').open().send(0, 1504)).toBe(7)
    expect(parseSteps('0.0\t8\n0.5 16\n').open().send(0, 1000)).toBe(1)
  })

  test.each([
    ['a word', () => parseOpportunities('1\nfast\n'), BadInput],
    ['a time that falls', () => parseOpportunities('5\n4\n'), BadConfiguration],
    ['nothing', () => parseOpportunities(''), BadConfiguration],
    ['three columns', () => parseSteps('1 2 3\n2 3 4\n'), BadInput],
    ['a negative rate', () => parseSteps('0 1\n1 -1\n'), BadConfiguration],
    ['nothing that passes', () => parseSteps('0 0\n1 0\n'), BadConfiguration],
  ])('with %s is refused', (_what, parse, kind) => {
    expect(parse).toThrow(kind)
  })

  test('that does not exist is named', async () => {
    await expect(readTrace('/nowhere/some.up')).rejects.toThrow(/some\.up/)
  })
})
