import { Quarantined, type QuintetError } from '../errors.ts'
import type { Down, Load } from './protocol.ts'

/** Characters of a reason that cross the wire. */
const longest = 4096

/** What a node replies about a message that failed. @param residence ms that it was held, once whole */
export function failed(node: string, error: QuintetError, stage: string, residence: number, load?: Load): Down {
  const { code, message, retryable } = error
  return {
    kind: 'failure',
    node,
    code,
    reason: message.slice(0, longest),
    retryable,
    stage: stage.slice(0, 256),
    residence,
    ...(load ? { load } : {}),
    ...(error instanceof Quarantined ? { evidence: error.evidence.slice(0, 16) } : {}),
  }
}

/**
 * What it replies about one that it does not take.
 * @param retryAfter ms, where it is known
 * @param away it takes nothing until further notice
 * @param residence ms that it was held, once whole; undefined: it was not
 */
export function refused(
  node: string,
  reason: string,
  retryAfter: number | undefined,
  load: Load,
  away = false,
  residence?: number,
): Down {
  return {
    kind: 'refused',
    node,
    reason: reason.slice(0, longest),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(residence === undefined ? {} : { residence }),
    ...(away ? { away } : {}),
    load,
  }
}
