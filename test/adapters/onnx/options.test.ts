import { describe, expect, test } from 'vitest'
import { processExecutors, threadExecutors } from '../../../adapters/onnx/index.ts'
import { BadConfiguration } from '../../../pipeline/index.ts'

describe('a number that is none is refused by its name', () => {
  for (const value of [Number.NaN, -1, 0, '20' as unknown as number]) {
    test(`startWithin, largest and threads: ${JSON.stringify(value)} (${typeof value})`, async () => {
      for (const make of [processExecutors, threadExecutors]) {
        expect(() => make({ startWithin: value })).toThrow(BadConfiguration)
        expect(() => make({ startWithin: value })).toThrow(/"startWithin"/)
        await expect(make().start({ threads: value })).rejects.toThrow(/"threads"/)
      }
      expect(() => processExecutors({ largest: value })).toThrow(/"largest"/)
    })
  }

  test('threads that are not whole', async () => {
    await expect(threadExecutors().start({ threads: 1.5 })).rejects.toThrow(/"threads".*whole/)
  })
})
