import { describe, expect, it } from 'vitest'
import * as quintet from '../../../pipeline/index.ts'
import { BadMessage, join, packFrame, QuintetError, StageFailed } from '../../../pipeline/index.ts'
import {
  type Down,
  readDown,
  readUp,
  reviveError,
  type Up,
  writeDown,
  writeUp,
} from '../../../pipeline/wire/protocol.ts'

/** One of every class of error that the framework exports. */
const errors = Object.values(quintet).flatMap((one) => {
  if (typeof one !== 'function' || !(one.prototype instanceof QuintetError)) return []
  const type = one as unknown as new (message: string, second?: unknown) => QuintetError
  return [one === quintet.UnknownModel ? new type('rose', ['tulip']) : new type('why')]
})

describe('an error from another node', () => {
  it.each(errors.map((error) => [error.name, error] as const))('is the same class again: %s', (_name, error) => {
    const { code, message: reason, retryable } = error
    const revived = reviveError({ code, reason, retryable })
    expect(revived).toBeInstanceOf(error.constructor)
    expect(revived).toMatchObject({ name: error.name, code, message: reason, retryable })
  })

  it('of a class that is not known here is a stage’s failure, whatever its code', () => {
    for (const code of ['from-the-future', 'constructor', '__proto__', 'toString']) {
      const revived = reviveError({ code, reason: 'why', retryable: false })
      expect(revived).toBeInstanceOf(StageFailed)
      expect(revived).toMatchObject({ code: 'stage-failed', message: 'why' })
    }
  })

  it('knows all of them', () => {
    expect(errors).toHaveLength(18)
  })
})

describe('a frame of the conversation', () => {
  it('whoever is handed the very parts that were written reads the header they were written from', () => {
    const up: Up = { kind: 'cancel', id: 'm1', pass: 2 }
    const down: Down = { kind: 'working', node: 'cloud' }
    expect(readUp(writeUp(up)).header).toBe(up)
    expect(readDown(writeDown(down)).header).toBe(down)
  })

  it('parts that have been copied or joined on the way are read, and checked, as any others', () => {
    const part = Uint8Array.of(1, 2, 3)
    const up: Up = { kind: 'probe' }
    const apart = writeUp(up, [part])
    for (const data of [[...apart], [join(apart)]]) {
      const read = readUp(data)
      expect(read.header).toEqual(up)
      expect(read.parts).toEqual([part])
    }
    expect(readUp(apart).parts).toEqual([part])
  })

  it('what was packed without being written as a message is checked, also in the process that packed it', () => {
    expect(() => readUp(packFrame({ kind: 'cancel', id: 'not a token' }))).toThrow(BadMessage)
    expect(() => readUp(writeDown({ kind: 'working', node: 'cloud' }))).toThrow(BadMessage)
    expect(() => readDown(writeUp({ kind: 'probe' }))).toThrow(BadMessage)
  })
})
