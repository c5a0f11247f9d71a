import { describe, expect, it } from 'vitest'
import * as quintet from '../../../pipeline/index.ts'
import { QuintetError, StageFailed } from '../../../pipeline/index.ts'
import { reviveError } from '../../../pipeline/wire/protocol.ts'

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
