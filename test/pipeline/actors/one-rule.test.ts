import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const rule = 'pipeline/actors/supervision.ts'

/** What tells of a pause or a restart that is made by a rule of its own: a power of how often something failed, a list of when. */
const own = [
  /\*\*\s*\(?\s*[\w.#]*(fail|crash|death|died|tries|tried|attempt|restart|retr|down|times|losses)/i,
  /Math\.pow\(/,
  /\b(pause|wait|delay|backoff)\w*\s*\*=/i,
  /\b(pause|wait|delay|backoff)\w*\s*=[^=>].*\*\s*[\w.#]*(fail|crash|death|tries|tried|attempt|restart)/i,
  /Math\.min\([^)]*\*\s*[\w.#]*(fail|crash|death|tries|tried|attempt|restart)/i,
  /#(crashes|deaths|restarts)\b.*filter\(/,
]

const sources = ['pipeline', 'stages', 'adapters'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('_pb.ts'))
    .map((path) => `${folder}/${path}`),
)

/** Lines of code that pace tries by themselves. */
const pacing = (text: string): readonly string[] =>
  text.split('\n').filter((line) => !/^\s*(\*|\/\/|\/\*)/.test(line) && own.some((sign) => sign.test(line)))

test('pauses between tries and restarts grow by one rule, in one file', () => {
  const others = sources
    .filter((path) => path !== rule)
    .flatMap((path) => pacing(readFileSync(join(root, path), 'utf8')).map((line) => `${path}: ${line.trim()}`))
  expect(others).toEqual([])
  expect(pacing(readFileSync(join(root, rule), 'utf8'))).not.toEqual([])
})

test('a second rule would be seen: these are the ones that there were', () => {
  for (const line of [
    'const pause = outage ? Math.min(500, 50 * 2 ** down++) : this.#pause(error, tries)',
    'return (error as Refused).retryAfter ?? Math.min(500, 50 * tries)',
    'const wait = restarts.backoff * Math.min(2 ** (this.#deaths.length - 1), 50)',
    'const wait = Math.min(this.#longest, this.#first * 2 ** model.times)',
    'this.#deaths = [...this.#deaths.filter((death) => now - death < restarts.within), now]',
  ])
    expect(pacing(line), line).toEqual([line])
})
