import {
  type Cancellation,
  Cancelled,
  ExecutionFailed,
  ExecutorLost,
  ModelLoadFailed,
  type QuintetError,
  systemClock,
  type Tensor,
  TooLarge,
  WrongShape,
  within,
} from '../../pipeline/index.ts'
import type { Executor, LoadReport, ModelSource, RunReport } from '../../stages/execute/index.ts'
import type { FaultCode } from './fault.ts'
import { BadFrame } from './framing.ts'
import type { Packet, Reply, Request } from './protocol.ts'

/** The parent's side of a connection to an executor. */
export interface Channel {
  /** Hands one request over; the tensors' bytes stay the caller's. @throws BadFrame too large, nothing was sent */
  send(packet: Packet<Request>): void
  /** Ends the executor as soon as its kind can. */
  kill(): void
  /** Resolves with the reason, in words, once the executor is gone; never rejects. */
  readonly gone: Promise<string>
}

interface Pending {
  readonly packet: Packet<Request>
  resolve(packet: Packet<Reply>): void
  reject(error: QuintetError): void
}

/** How long an executor that was told to end may take before it is killed, in milliseconds. */
const farewell = 2_000

/** Requests that are with the executor at a time: the one it works on, and the next. */
const depth = 2

/** An executor over a channel: keeps the order, sends the next request ahead, and settles everything when it is lost. */
export class RemoteExecutor implements Executor {
  readonly id: string
  readonly depth = depth
  readonly lost: Promise<ExecutorLost>
  baseline: number | undefined
  readonly #channel: Channel
  readonly #waiting: Pending[] = []
  /** With the executor, in order. */
  #sent: Pending[] = []
  #tickets = 0
  /** Why nothing more is taken; undefined while the executor works. */
  #ended: ExecutorLost | undefined
  #closing: Promise<void> | undefined
  #idle: (() => void) | undefined

  constructor(id: string, channel: Channel) {
    this.id = id
    this.#channel = channel
    this.lost = new Promise((resolve) => {
      channel.gone.then((reason) => {
        const asked = this.#ended !== undefined
        const lost = new ExecutorLost(`Executor ${id} is gone: ${reason}. Its work may be tried on another one.`)
        this.#end(lost)
        if (!asked) resolve(lost)
      })
    })
  }

  async load(model: ModelSource): Promise<LoadReport> {
    const { head } = await this.#ask({ op: 'load', model })
    if (head.kind !== 'loaded') throw this.#confused()
    return head.report
  }

  async unload(key: string): Promise<void> {
    await this.#ask({ op: 'unload', key })
  }

  async run(
    key: string,
    inputs: readonly Tensor[],
    { outputs, cancellation }: { outputs?: readonly string[]; cancellation?: Cancellation | undefined } = {},
  ): Promise<RunReport> {
    this.#tickets += 1
    const { head, tensors } = await this.#ask({ op: 'run', key, outputs, ticket: this.#tickets }, inputs, cancellation)
    if (head.kind !== 'ran') throw this.#confused()
    const { kind: _, ...told } = head
    return { ...told, outputs: tensors }
  }

  close(ms = 5_000): Promise<void> {
    this.#closing ??= this.#close(ms)
    return this.#closing
  }

  kill(): void {
    this.#end(new ExecutorLost(`Executor ${this.id} was killed. Its work may be tried on another one.`))
    this.#channel.kill()
  }

  /** Takes what the executor answered. */
  receive(packet: Packet<Reply>): void {
    const pending = this.#sent.shift()
    const { head } = packet
    if (head.kind === 'fault') pending?.reject(named(head.code, head.message))
    else pending?.resolve(packet)
    if (this.#sent.length === 0) this.#idle?.()
    this.#next()
  }

  async #close(ms: number): Promise<void> {
    if (this.#ended === undefined) {
      const closing = new ExecutorLost(`Executor ${this.id} is closing. Give the work to another one.`)
      this.#ended = closing
      for (const pending of this.#waiting.splice(0)) pending.reject(closing)
      for (const ahead of this.#sent.slice(1)) {
        this.#takeBack(ahead)
        ahead.reject(closing)
      }
      if (this.#sent.length > 0) {
        const over = new Promise<void>((resolve) => {
          this.#idle = resolve
        })
        await within(over, ms, systemClock)
      }
      if (this.#sent.length === 0) this.#channel.send({ head: { op: 'close' }, tensors: [] })
      else this.kill()
    }
    if (await within(this.#channel.gone, farewell, systemClock)) return
    this.#channel.kill()
    await within(this.#channel.gone, farewell, systemClock)
  }

  #ask(head: Request, tensors: readonly Tensor[] = [], cancellation?: Cancellation): Promise<Packet<Reply>> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      if (cancellation?.cancelled) return reject(new Cancelled())
      const leave = () => {
        const place = this.#waiting.indexOf(pending)
        if (place < 0) return this.#takeBack(pending)
        this.#waiting.splice(place, 1)
        pending.reject(new Cancelled())
      }
      const pending: Pending = {
        packet: { head, tensors },
        resolve: (packet) => {
          cancellation?.unlisten(leave)
          resolve(packet)
        },
        reject: (error) => {
          cancellation?.unlisten(leave)
          reject(error)
        },
      }
      cancellation?.listen(leave)
      this.#waiting.push(pending)
      this.#next()
    })
  }

  #next(): void {
    while (this.#sent.length < depth) {
      const pending = this.#waiting.shift()
      if (pending === undefined) return
      try {
        this.#channel.send(pending.packet)
        this.#sent.push(pending)
      } catch (error) {
        pending.reject(asNamed(error))
      }
    }
  }

  /** Asks for a run back that waits in the executor; it is settled by the answer: cancelled, or done all the same. */
  #takeBack(pending: Pending): void {
    const { head } = pending.packet
    if (head.op === 'run' && this.#sent.indexOf(pending) > 0) {
      this.#channel.send({ head: { op: 'cancel', ticket: head.ticket }, tensors: [] })
    }
  }

  /** Settles everything and takes nothing more. */
  #end(reason: ExecutorLost): void {
    this.#ended = reason
    const pending = [...this.#sent.splice(0), ...this.#waiting.splice(0)]
    for (const each of pending) each.reject(reason)
    this.#idle?.()
  }

  #confused(): ExecutionFailed {
    return new ExecutionFailed(`Executor ${this.id} gave an answer to another question. Report this as a fault.`)
  }
}

/** What crossed the boundary as a code, as the error of that name. */
function named(code: FaultCode, message: string): QuintetError {
  switch (code) {
    case 'wrong-shape':
      return new WrongShape(message)
    case 'model-load-failed':
      return new ModelLoadFailed(message)
    case 'execution-failed':
      return new ExecutionFailed(message)
    case 'cancelled':
      return new Cancelled(message)
  }
}

/** Why a request could not even be handed over. */
function asNamed(error: unknown): QuintetError {
  if (error instanceof BadFrame) return new TooLarge(error.message, { cause: error })
  return new ExecutionFailed(`The request cannot be handed to the executor: ${error}. Look at its tensors.`, {
    cause: error,
  })
}
