import type { Captured, Prepared } from '../../pipeline/index.ts'
import type { ModelInput } from '../manage/index.ts'
import type { Subsampling } from '../transfer/index.ts'

/** How a prepared picture travels: encoded again, as raw RGB bytes, or as the model's input tensor. */
export type PictureEncoding = 'jpeg' | 'webp' | 'raw' | 'tensor'

export interface PrepareOptions {
  readonly encoding: PictureEncoding
  /** JPEG/WebP quality, 1…100. */
  readonly quality?: number
  /** Of JPEG. Default 4:2:0. */
  readonly subsampling?: Subsampling | undefined
  readonly signal?: AbortSignal | undefined
}

/** Turns pictures into what models take. Implemented by `adapters/image`. */
export interface ImageEngine {
  /**
   * Does what is still to do of decode → upright → centre crop → resize → encode or normalise, for one model input.
   * A picture that is `prepared` already is not cropped twice, and is resized only when its size differs.
   *
   * @returns a payload at `prepared`: an image, pixels, or one tensor `[1, 3, H, W]` (NCHW) or `[1, H, W, 3]` (NHWC)
   * @throws BadInput not a picture, truncated, empty · TooLarge more pixels than the engine's bound · Cancelled
   */
  prepare(picture: Captured | Prepared, input: ModelInput, options: PrepareOptions): Promise<Prepared>
  /** Width and height in pixels, upright, from the header alone. @throws BadInput · TooLarge */
  measure(bytes: Uint8Array): Promise<{ width: number; height: number }>
}
