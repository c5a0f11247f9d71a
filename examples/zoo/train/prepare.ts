import type { InferenceSession } from 'onnxruntime-node'
import sharp from 'sharp'
import type { ModelInput } from '../../../stages/manage/index.ts'

/** The part of a model's input that says how a picture fills it. */
export type Frame = Pick<ModelInput, 'width' | 'height' | 'resize' | 'crop'>

/** A JPEG turned upright, its centre cropped and resized: RGB bytes, row by row, `width × height × 3` of them. */
export async function frame(jpeg: Uint8Array, { width, height, resize, crop }: Frame): Promise<Uint8Array> {
  if (crop === 1) {
    return await sharp(jpeg).autoOrient().resize(width, height, { fit: resize }).removeAlpha().raw().toBuffer()
  }
  const upright = await sharp(jpeg).autoOrient().toBuffer({ resolveWithObject: true })
  const [w, h] = [Math.round(upright.info.width * crop), Math.round(upright.info.height * crop)]
  return await sharp(upright.data)
    .extract({ left: (upright.info.width - w) >> 1, top: (upright.info.height - h) >> 1, width: w, height: h })
    .resize(width, height, { fit: resize })
    .removeAlpha()
    .raw()
    .toBuffer()
}

/** RGB bytes as the model's input tensor: channel after channel, `(byte − mean) / std`. */
export function tensor(bytes: Uint8Array, { mean, std }: Pick<ModelInput, 'mean' | 'std'>): Float32Array {
  const area = bytes.length / 3
  const data = new Float32Array(bytes.length)
  for (let channel = 0; channel < 3; channel++) {
    const [m, s] = [mean[channel] as number, std[channel] as number]
    for (let i = 0; i < area; i++) data[channel * area + i] = ((bytes[3 * i + channel] as number) - m) / s
  }
  return data
}

/** The side in pixels of the square pictures that a model takes as `[N, 3, side, side]`. Throws when it takes others. */
export function sideOf(session: InferenceSession): number {
  const [input] = session.inputMetadata
  const side = input?.isTensor ? input.shape[3] : undefined
  if (typeof side !== 'number') throw new Error('the model states no input size: export it as [N, 3, side, side]')
  return side
}
