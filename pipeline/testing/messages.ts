import { type QuintetError, StageFailed } from '../errors.ts'
import { type Dropped, dropped, type Failure, failure, type Message } from '../message.ts'
import { elementBytes, type ImagePayload, type ResultPayload, type Tensor, type TensorsPayload } from '../payload.ts'

/** Anything of a message but what the builder itself puts in; `n` numbers it. */
export type MessageChange = Partial<Omit<Message, 'kind' | 'payload' | 'side'>> & {
  /** Its number: `id` becomes `m0`, `m1`, …, and `seq` the same. Default 0. */
  readonly n?: number
}

/**
 * A captured picture as a message: of source `device.main`, captured at 0, with 10 s to live.
 *
 *     imageMessage()                                      // m0, four bytes
 *     imageMessage({ n: 3, source: 'device.left' })       // m3 of another stream
 *     imageMessage({ plan: { cut: 'captured' } }, { bytes: jpeg, width: 640, height: 480 })
 */
export function imageMessage(
  change: MessageChange = {},
  payload: Partial<ImagePayload<'captured'>> = {},
): Message<ImagePayload<'captured'>, 'device'> {
  return message(change, { form: 'image', at: 'captured', bytes: Uint8Array.of(1, 2, 3, 4), ...payload })
}

/**
 * A message that is prepared: one float32 tensor `input` of shape `[1, 4]`, where no other are given.
 *
 *     tensorsMessage({ n: 1 })
 *     tensorsMessage({}, [tensor('ids', [1, 8], 'int64')])
 */
export function tensorsMessage(
  change: MessageChange = {},
  tensors: readonly Tensor[] = [tensor('input', [1, 4])],
): Message<TensorsPayload<'prepared'>, 'device'> {
  return message(change, { form: 'tensors', at: 'prepared', tensors })
}

/**
 * A message that is answered: label `mug`, score 0.9, of model `model`.
 *
 *     resultMessage({ n: 2 }, { label: 'cat' })
 */
export function resultMessage(
  change: MessageChange = {},
  payload: Partial<ResultPayload> = {},
): Message<ResultPayload, 'device'> {
  return message(change, resultPayload(payload))
}

/** What a model said, without the message around it: label `mug`, score 0.9, of model `model`. */
export function resultPayload(change: Partial<ResultPayload> = {}): ResultPayload {
  const { label = 'mug', score = 0.9 } = change
  return { form: 'result', at: 'answered', model: 'model', label, score, top: [{ label, score }], ...change }
}

/**
 * A message that has failed, in stage `test` where no other is named.
 *
 *     failureItem({ n: 1 }, new BadInput('no picture'))
 */
export function failureItem(
  change: MessageChange = {},
  error: QuintetError = new StageFailed('test', { cause: new Error('on purpose') }),
  stage = 'test',
): Failure {
  return failure(imageMessage(change), stage, error)
}

/**
 * A message that was let go.
 *
 *     droppedItem({ n: 1 }, 'stale')
 */
export function droppedItem(change: MessageChange = {}, reason: Dropped['reason'] = 'filtered'): Dropped {
  return dropped(imageMessage(change), reason)
}

/**
 * A tensor whose bytes count up, so that a mixed-up byte is noticed.
 *
 *     tensor('input', [1, 3, 224, 224])
 */
export function tensor(name: string, shape: readonly number[], type: Tensor['type'] = 'float32'): Tensor {
  const length = shape.reduce((product, side) => product * side, elementBytes[type])
  return { name, type, shape, bytes: Uint8Array.from({ length }, (_, index) => index & 0x7f) }
}

function message<P extends Message['payload']>(change: MessageChange, payload: P): Message<P, 'device'> {
  const { n = 0, ...rest } = change
  return {
    kind: 'message',
    id: `m${n}`,
    source: 'device.main',
    seq: n,
    side: 'device',
    captured: 0,
    expires: 10_000,
    plan: {},
    open: {},
    timings: {},
    attempt: 1,
    ...rest,
    payload,
  }
}
