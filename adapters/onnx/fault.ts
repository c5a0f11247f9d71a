/** What can go wrong inside an executor, by the name that the error has outside. */
export type FaultCode = 'wrong-shape' | 'model-load-failed' | 'execution-failed' | 'cancelled'

/**
 * An error on the executor's side of the boundary. It crosses as its code and sentence and becomes the named error of
 * that code there; so the executor's program loads nothing of the framework, starts fast and stays small.
 */
export class Fault extends Error {
  readonly code: FaultCode

  constructor(code: FaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'Fault'
    this.code = code
  }
}
