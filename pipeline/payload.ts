/** Element types that tensors may have on the wire. */
export type ElementType = 'float32' | 'float16' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool'

/** Bytes of one element. */
export const elementBytes: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float16: 2,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
}

/** A dense tensor: row-major little-endian bytes, aligned to its element size (the codec sees to it). */
export interface Tensor {
  readonly name: string
  readonly type: ElementType
  /** e.g. `[1, 3, 224, 224]`. */
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/**
 * A position on the chain of operators, where the wire may cross it: before everything (`captured`), before the first
 * layer (`prepared`), behind a named layer (`after:LAYER`), or behind everything (`answered`).
 */
export type Cut = 'captured' | 'prepared' | `after:${string}` | 'answered'

/** An encoded picture (JPEG, PNG, WebP, …): as captured, or prepared (cropped and resized) and encoded again. */
export interface ImagePayload<At extends 'captured' | 'prepared' = 'captured' | 'prepared'> {
  readonly form: 'image'
  readonly at: At
  readonly bytes: Uint8Array
  /** In pixels, where known. */
  readonly width?: number
  readonly height?: number
  /** Prepared pictures: the central fraction of the captured picture's sides that was kept, 0…1. */
  readonly crop?: number
}

/** Raw RGB bytes, `[height, width, 3]`. */
export interface PixelsPayload<At extends 'captured' | 'prepared' = 'captured' | 'prepared'> {
  readonly form: 'pixels'
  readonly at: At
  readonly bytes: Uint8Array
  readonly width: number
  readonly height: number
  /** Prepared pictures: the central fraction of the captured picture's sides that was kept, 0…1. */
  readonly crop?: number
}

/** Tensors: the model's input (`prepared`) or what crosses behind a layer (`after:LAYER`). */
export interface TensorsPayload<At extends 'prepared' | `after:${string}` = 'prepared' | `after:${string}`> {
  readonly form: 'tensors'
  readonly at: At
  readonly tensors: readonly Tensor[]
  /** How each tensor's bytes are written, where that is not plainly: then each is one row of `uint8`. */
  readonly encoding?: string
}

/** A box in fractions of the picture's width and height, 0…1. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly label: string
  readonly score: number
}

/** What the model said. */
export interface ResultPayload {
  readonly form: 'result'
  readonly at: 'answered'
  readonly model: string
  readonly label: string
  /** Probability of `label`, 0…1. */
  readonly score: number
  /** The best few labels, best first. */
  readonly top: readonly { readonly label: string; readonly score: number }[]
  readonly boxes?: readonly Box[]
}

/** As it left the camera. */
export type Captured = ImagePayload<'captured'> | PixelsPayload<'captured'>
/** Cropped and resized, in whatever form it travels. */
export type Prepared = ImagePayload<'prepared'> | PixelsPayload<'prepared'> | TensorsPayload<'prepared'>
/** The model's input tensor. */
export type Ready = TensorsPayload<'prepared'>
/** What crosses behind a layer. */
export type Activation = TensorsPayload<`after:${string}`>
/** The end of the chain. */
export type Result = ResultPayload

/** A payload knows its own form and where in the chain it stands. */
export type Payload = Captured | Prepared | Activation | Result

/** Bytes the payload's data occupies; 0 for a result, whose fields travel in the header. */
export function payloadBytes(payload: Payload): number {
  switch (payload.form) {
    case 'image':
    case 'pixels':
      return payload.bytes.byteLength
    case 'tensors':
      return payload.tensors.reduce((sum, tensor) => sum + tensor.bytes.byteLength, 0)
    case 'result':
      return 0
  }
}

/** Whether a value is a Uint8Array, of whatever realm; asks nothing of it that could throw. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]'
}
