import { BadConfiguration } from './errors.ts'
import type { TransportHeaders } from './transport.ts'

/*
 * The grammar of subjects and of what may be subscribed to, checked before anything reaches a wire: a subject made of
 * raw input could otherwise carry a blank or a line end into the protocol, or widen itself with a wildcard.
 */

const maxLength = 512
const subjectRule = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/
const patternRule = /^(?:>|(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.>)?)$/
const headerKeyRule = /^[!-9;-~]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const headerValueRule = /^(?! )[^\u0000-\u001f\u007f]*(?<! )$/

/** @throws BadConfiguration when nothing may be sent there: dot-separated tokens of `[A-Za-z0-9_-]`, at most 512 characters */
export function assertSubject(subject: string): void {
  if (subject.length <= maxLength && subjectRule.test(subject)) return
  throw new BadConfiguration(
    `${quoted(subject)} is not a subject: use tokens of letters, digits, "_" and "-", joined by dots; wildcards only to subscribe.`,
  )
}

/** @throws BadConfiguration when it cannot be subscribed to: as a subject, with `*` for one token and a last `>` for the rest */
export function assertPattern(pattern: string): void {
  if (pattern.length <= maxLength && patternRule.test(pattern)) return
  throw new BadConfiguration(
    `${quoted(pattern)} cannot be subscribed to: use tokens of letters, digits, "_" and "-", "*" for one token, a last ">" for all that follow.`,
  )
}

/** @throws BadConfiguration when a key is not printable ASCII without colon, or a value holds control characters or outer blanks */
export function assertHeaders(headers: TransportHeaders): void {
  for (const key in headers) {
    const value = headers[key] as string
    if (!headerKeyRule.test(key)) {
      throw new BadConfiguration(
        `${quoted(key)} cannot be a header's name: use printable ASCII without blank or colon.`,
      )
    }
    if (!headerValueRule.test(value)) {
      throw new BadConfiguration(
        `Header "${key}" holds a control character or an outer blank: put such values into the data.`,
      )
    }
  }
}

/** Whether a subject falls under a pattern; both are taken as valid. */
export function matchesPattern(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return tokens.length > index
    if (index >= tokens.length || (token !== '*' && token !== tokens[index])) return false
  }
  return wanted.length === tokens.length
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
