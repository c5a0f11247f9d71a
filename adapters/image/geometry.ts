import type { ModelInput } from '../../stages/manage/index.ts'

/** How a whole picture becomes a model's input size: resized to a larger rectangle, then the centre cut out of it. */
export interface Geometry {
  /** Size to resize the whole picture to, in pixels. */
  readonly resize: { readonly width: number; readonly height: number; readonly fit: 'cover' | 'fill' }
  /** The part of it to keep; undefined where that is all of it. */
  readonly extract: { left: number; top: number; width: number; height: number } | undefined
  /** The central fraction of the *captured* picture's sides that the result shows. */
  readonly crop: number
}

/**
 * The geometry for one input. Cutting after the resize shows the same region as cutting before it, and lets the
 * decoder shrink a JPEG while it loads (a 12-megapixel photo in half the time), which a cut before the resize forbids.
 *
 * @param kept the fraction that the picture itself still shows of the captured one: 1 as captured, its `crop` when
 *   prepared. Only what remains, `input.crop / kept`, is cut; what an earlier step cut away cannot come back.
 */
export function geometry(input: ModelInput, kept: number): Geometry {
  const remaining = Math.min(1, input.crop / kept)
  const width = Math.round(input.width / remaining)
  const height = Math.round(input.height / remaining)
  const whole = width === input.width && height === input.height
  return {
    resize: { width, height, fit: input.resize },
    extract: whole
      ? undefined
      : {
          left: Math.floor((width - input.width) / 2),
          top: Math.floor((height - input.height) / 2),
          width: input.width,
          height: input.height,
        },
    crop: Math.min(kept, input.crop),
  }
}
