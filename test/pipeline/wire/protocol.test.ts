import { describe, expect, it } from 'vitest'
import * as quintet from '../../../pipeline/index.ts'
import {
  BadMessage,
  join,
  packFrame,
  QuintetError,
  StageFailed,
  totalBytes,
  unpackFrame,
  written,
} from '../../../pipeline/index.ts'
import { readDown, readUp, sendDown, sendUp } from '../../../pipeline/wire/hand-over.ts'
import { type Down, reviveError, type Up } from '../../../pipeline/wire/protocol.ts'

/** One of every class of error that the framework exports. */
const errors = Object.values(quintet).flatMap((one) => {
  if (typeof one !== 'function' || !(one.prototype instanceof QuintetError)) return []
  const type = one as unknown as new (message: string, second?: unknown) => QuintetError
  if (one === quintet.UnknownModel) return [new type('rose', ['tulip'])]
  if (one === quintet.Quarantined) return [new quintet.Quarantined([{ node: 'a', code: 'node-lost' }])]
  return [new type('why')]
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
    expect(errors).toHaveLength(22)
  })
})

describe('a frame of the conversation', () => {
  const part = Uint8Array.of(1, 2, 3)
  const [handing, writing] = [{ handsOver: true }, {}]
  /** What is answered, as it came. */
  const asked = (handsOver: boolean) => sendUp({ kind: 'probe' }, [], { handsOver })
  const cancel: Up = { kind: 'cancel', id: 'm1', pass: 2 }
  const working: Down = { kind: 'working', node: 'cloud' }

  it('that is handed over gives the very header and parts that were sent', () => {
    const up = readUp(sendUp(cancel, [part], handing))
    expect(up.header).toBe(cancel)
    expect(up.parts[0]).toBe(part)
    expect(readDown(sendDown(working, [], asked(true))).header).toBe(working)
  })

  it('that is handed over takes as many bytes as one that is written', () => {
    for (const parts of [[], [part], [part, new Uint8Array(300)]]) {
      expect(totalBytes(sendUp(cancel, parts, handing))).toBe(totalBytes(sendUp(cancel, parts, writing)))
      expect(totalBytes(sendDown(working, parts, asked(true)))).toBe(totalBytes(sendDown(working, parts, asked(false))))
    }
  })

  it('that is written is read, and checked, whether its parts come apart, joined, or were to be handed over', () => {
    const handed = sendUp(cancel, [part], handing)
    for (const data of [sendUp(cancel, [part], writing), [join(handed)], written(handed)]) {
      const read = readUp(data)
      expect(read.header).toEqual(cancel)
      expect(read.header).not.toBe(cancel)
      expect(read.parts).toEqual([part])
    }
    expect(unpackFrame(handed)).toMatchObject({ header: cancel, parts: [part], version: 1, least: 1, most: 1 })
  })

  it('is checked also in the process that packed it', () => {
    expect(() => readUp(packFrame({ kind: 'cancel', id: 'not a token' }))).toThrow(BadMessage)
  })

  it.each([true, false])('of one way is not taken for one of the other (handed over: %s)', (handsOver) => {
    expect(() => readUp(sendDown(working, [], asked(handsOver)))).toThrow(BadMessage)
    expect(() => readDown(asked(handsOver))).toThrow(BadMessage)
  })
})
