import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { BadConfiguration, nearest, readOptions } from '../../pipeline/index.ts'

const schema = z.strictObject({
  threads: z.number().int().min(1).default(1),
  order: z.enum(['source', 'none']).default('source'),
  batch: z.strictObject({ size: z.number().default(32), wait: z.number().default(0) }).prefault({}),
  cluster: z
    .boolean()
    .or(z.strictObject({ beat: z.number() }))
    .optional(),
})

const told = (given: unknown): string => {
  try {
    readOptions(schema, given, 'execute()')
    return 'taken'
  } catch (error) {
    expect(error).toBeInstanceOf(BadConfiguration)
    return (error as Error).message
  }
}

describe('options', () => {
  it('come back with their defaults', () => {
    expect(readOptions(schema, { threads: 2 }, 'execute()')).toEqual({
      threads: 2,
      order: 'source',
      batch: { size: 32, wait: 0 },
    })
    expect(told({ cluster: true })).toBe('taken')
    expect(told({ cluster: { beat: 1 } })).toBe('taken')
  })

  it('that there are not are refused by name, with the one that was meant, at every depth', () => {
    expect(told({ thread: 2 })).toBe('There is no option "thread" in execute(). Did you mean "threads"?')
    expect(told({ batch: { siez: 2 } })).toBe('There is no option "siez" in "batch" of execute(). Did you mean "size"?')
    expect(told({ cluster: { beats: 2 } })).toMatch(
      /no option "beats" in "cluster" of execute\(\). Did you mean "beat"/,
    )
    expect(told({ colour: 1 })).toBe(
      'There is no option "colour" in execute(). There are threads, order, batch, cluster.',
    )
  })

  it('of wrong values are refused by name, with the value that was meant', () => {
    expect(told({ threads: 'two' })).toMatch(/^Option "threads" of execute\(\): .*expected number/)
    expect(told({ order: 'sorce' })).toMatch(/^Option "order" of execute\(\): .*Did you mean "source"\?$/)
    expect(told({ batch: { size: 'all' } })).toMatch(/^Option "batch.size" of execute\(\): /)
    expect(told(null)).toMatch(/^The options of execute\(\) are none/)
  })
})

describe('the name that was meant', () => {
  it('is near: letters left out, put in, exchanged or swapped', () => {
    const known = ['float32', 'float16', 'uint8', 'uint8-per-channel']
    expect(nearest('uint9', known)).toBe('uint8')
    expect(nearest('flaot16', known)).toBe('float16')
    expect(nearest('Float32', known)).toBe('float32')
    expect(nearest('png', known)).toBeUndefined()
  })
})
