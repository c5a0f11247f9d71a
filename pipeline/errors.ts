/**
 * The stable names of everything that can go wrong with one message. Code switches on `code`, people read `message`,
 * which ends with what to do next.
 */
export type ErrorCode =
  | 'bad-input'
  | 'frame-changed'
  | 'bad-message'
  | 'damaged'
  | 'version-mismatch'
  | 'too-large'
  | 'unknown-model'
  | 'wrong-shape'
  | 'model-load-failed'
  | 'execution-failed'
  | 'executor-lost'
  | 'no-responders'
  | 'node-lost'
  | 'refused'
  | 'quarantined'
  | 'deadline-exceeded'
  | 'cancelled'
  | 'mailbox-full'
  | 'actor-stopped'
  | 'transport-closed'
  | 'bad-configuration'
  | 'stage-failed'

/** Base of every error Quintet throws on purpose: a stable `code`, a sentence that says what to do next, a `cause`. */
export class QuintetError extends Error {
  readonly code: ErrorCode
  /** Whether the same work may succeed when it is tried again (elsewhere or later). */
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/** What was captured is no frame, or a picture that is damaged or of a kind that is not decoded here. */
export class BadInput extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('bad-input', message, options)
  }
}

/** A frame was written over after it was handed in (`checkOwnership` noticed): its answer would be another's. */
export class FrameChanged extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('frame-changed', message, options)
  }
}

/**
 * Bytes arrived that are no Quintet message, whose header breaks the schema, or says that a field must be understood which
 * is not known here (then it is retryable: another node may know it).
 */
export class BadMessage extends QuintetError {
  constructor(message: string, options?: { cause?: unknown; retryable?: boolean }) {
    super('bad-message', message, options)
  }
}

/** A frame's bytes are not those that were sent: its check differs. It is sent again while budget is left. */
export class Damaged extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('damaged', message, { ...options, retryable: true })
  }
}

/** Two sides speak no common version of the wire, or what was saved is of a version that is not known here. */
export class VersionMismatch extends QuintetError {
  constructor(message: string, options?: { cause?: unknown; retryable?: boolean }) {
    super('version-mismatch', message, options)
  }
}

/** A payload exceeds a stated bound. */
export class TooLarge extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('too-large', message, options)
  }
}

/** The plan names a model that the catalogue does not hold. */
export class UnknownModel extends QuintetError {
  constructor(model: string, known: readonly string[], options?: { cause?: unknown }) {
    super(
      'unknown-model',
      `No model "${model}" in the catalogue. Use one of: ${known.join(', ') || '(none)'}.`,
      options,
    )
  }
}

/** A tensor does not have the shape or type that the model takes. */
export class WrongShape extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('wrong-shape', message, options)
  }
}

/** A model file is missing, is not what its hash says, or the runtime refuses it. */
export class ModelLoadFailed extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('model-load-failed', message, options)
  }
}

/** The runtime refused or failed a run. */
export class ExecutionFailed extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('execution-failed', message, options)
  }
}

/** The executor that held the work died or was killed. */
export class ExecutorLost extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('executor-lost', message, { ...options, retryable: true })
  }
}

/** Nobody listens on the subject. */
export class NoResponders extends QuintetError {
  /** @param sentence what nobody serves and what to start, where more is known than the subject */
  constructor(subject: string, options: { cause?: unknown; sentence?: string } = {}) {
    const { sentence = `Nobody serves "${subject}". Start what does, or look at the name.`, cause } = options
    super('no-responders', sentence, { cause, retryable: true })
  }
}

/** The node that held the message gave no sign of life for three beats. */
export class NodeLost extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('node-lost', message, { ...options, retryable: true })
  }
}

/** A node declined the work at once, and says after how long it may be asked again. */
export class Refused extends QuintetError {
  /** Milliseconds after which another try may succeed, where the refuser knows. */
  readonly retryAfter: number | undefined

  constructor(message: string, options: { cause?: unknown; retryAfter?: number } = {}) {
    super('refused', message, { ...options, retryable: true })
    this.retryAfter = options.retryAfter
  }
}

/** What a message has cost: an executor of this name, or a node. */
export interface Evidence {
  readonly node?: string
  readonly executor?: string
  readonly code: ErrorCode
}

/** The message cost two executors or nodes. It is tried nowhere again, and kept for whoever looks into it. */
export class Quarantined extends QuintetError {
  readonly evidence: readonly Evidence[]

  constructor(evidence: readonly Evidence[], options?: { cause?: unknown }) {
    const costs = evidence.map(({ node, executor, code }) => {
      const who = executor === undefined ? `node "${node ?? 'unknown'}"` : `executor "${executor}"`
      return `${who} (${code})`
    })
    super(
      'quarantined',
      `The message cost ${costs.join(' and ') || 'two executors or nodes'}, and is not tried again. Look at what it holds: it is kept among the quarantined.`,
      options,
    )
    this.evidence = evidence
  }
}

/** The message's budget ran out. */
export class DeadlineExceeded extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('deadline-exceeded', message, options)
  }
}

/** The work was no longer wanted: its message was settled otherwise, or the pipeline stops. */
export class Cancelled extends QuintetError {
  constructor(
    message = 'The work was cancelled because nobody waits for it any longer.',
    options?: { cause?: unknown },
  ) {
    super('cancelled', message, options)
  }
}

/** A mailbox whose overflow policy is `reject` was full. */
export class MailboxFull extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('mailbox-full', message, { ...options, retryable: true })
  }
}

/** The actor has stopped, for good or because its restart budget ended. */
export class ActorStopped extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('actor-stopped', message, options)
  }
}

/** The transport was closed, or has lost its connection: for good, or (then it is retryable) until it is restored. */
export class TransportClosed extends QuintetError {
  constructor(message: string, options?: { cause?: unknown; retryable?: boolean }) {
    super('transport-closed', message, options)
  }
}

/** A configuration, catalogue or command line does not pass its schema. */
export class BadConfiguration extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('bad-configuration', message, options)
  }
}

/** A stage threw something that is none of the above. */
export class StageFailed extends QuintetError {
  constructor(stage: string, options?: { cause?: unknown }) {
    super(
      'stage-failed',
      `Stage "${stage}" threw: ${reasonOf(options?.cause)}. Look at the cause; the message itself is settled.`,
      options,
    )
  }
}

/** Any thrown value as a QuintetError; foreign ones become `StageFailed` of the stage that threw them. */
export function asQuintetError(error: unknown, stage: string): QuintetError {
  return isQuintetError(error) ? error : new StageFailed(stage, { cause: error })
}

/** What was thrown, in words. Never throws itself, whatever it is given: anything at all can be thrown. */
export function reasonOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    return `a value of type ${typeof thrown} that cannot be written`
  }
}

/** What a value is, for sentences about one that is not what it should be. Never throws. */
export function described(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return 'a string'
  if (typeof value !== 'object')
    return typeof value === 'function' ? 'a function' : `the ${typeof value} ${String(value)}`
  try {
    const name = Object.prototype.toString.call(value).slice('[object '.length, -1)
    return name === 'Object' ? 'an object' : `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`
  } catch {
    return 'an object that cannot be looked at'
  }
}

/** Never throws: a proxy may refuse even to be asked. */
export function isQuintetError(error: unknown): error is QuintetError {
  try {
    return error instanceof QuintetError
  } catch {
    return false
  }
}
