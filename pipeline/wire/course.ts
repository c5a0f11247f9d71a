import type { ErrorCode, Evidence } from '../errors.ts'
import type { Message } from '../message.ts'
import type { Trouble } from './attempt.ts'
import { OpenTries } from './open-tries.ts'
import type { Verdict } from './verdict.ts'

/** A node was lost that had a message. */
interface Loss extends Evidence {
  /** Local clock, ms: when it was last heard of. */
  readonly at: number
}

/** What one message has met at a boundary so far. */
export class Course {
  /** Tries that nodes have cost it, the one under way included. */
  tries = 1
  /** In a row: lost connections, and tries of which nobody was heard at all. That is the network's doing, and costs no try. */
  down = 0
  /** Times that it was damaged on its way, or its answer. */
  damaged = 0
  silences = 0
  /** Since when nobody is heard: local clock, ms. */
  since: number | undefined
  /** Others were asked for a second opinion, because one failed it. */
  doubted = false
  /** It was taken from a node that kept it for too long: from no other it is. */
  moved = false
  /** Nobody knows which of the group was silent about it: it goes to nodes by name. */
  unnamed = false
  /** Nodes that have had it: others are tried first. */
  readonly passed = new Set<string>()
  /** When nodes that refused it may be asked again: local clock, ms. */
  readonly refusals = new Map<string, number>()
  /** Tries that were given up, and may be answered all the same. */
  readonly open: OpenTries
  /** Who answered it. */
  by: string | undefined
  readonly #losses: Loss[] = []

  constructor(message: Message) {
    this.open = new OpenTries(message)
  }

  /** A node was lost that had it, or an executor of that node. */
  lost(loss: Loss): void {
    this.#losses.push(loss)
  }

  /**
   * What it has cost, as far as one can tell.
   * @param gone whether a node was not heard of since then, though others were
   */
  costs(gone: (node: string, since: number) => boolean): readonly Evidence[] {
    const costs = this.#losses.filter(
      ({ node, code, at }) => code === 'executor-lost' || (node !== undefined && gone(node, at)),
    )
    return costs.map(({ at: _, ...evidence }) => evidence)
  }
}

/** Failures that are the message's own wherever it goes, as long as its node does as well as others. */
const own: ReadonlySet<ErrorCode> = new Set([
  'bad-input',
  'frame-changed',
  'too-large',
  'wrong-shape',
  'deadline-exceeded',
  'quarantined',
])

/** Whether another node may do better where one failed a message so. */
export function isDoubtful(code: ErrorCode): boolean {
  return !own.has(code)
}

/** What an attempt that failed says of its node; undefined: nothing. */
export function verdictOn(code: ErrorCode, trouble: Trouble | undefined): Verdict | undefined {
  if (trouble === 'unreadable') return 'broken'
  if (trouble === 'silent') return 'silent'
  if (trouble === 'overlong') return 'doubtful'
  if (trouble === 'gone') return undefined
  if (code === 'executor-lost') return 'broken'
  // It says what is wrong with it itself: nobody serves below, it closes, or speaks another version.
  const apart = code === 'no-responders' || code === 'node-lost' || code === 'version-mismatch'
  return apart || code === 'transport-closed' ? undefined : 'doubtful'
}
