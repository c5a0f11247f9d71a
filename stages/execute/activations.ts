import type { Activation, Platform, Tensor } from '../../pipeline/index.ts'
import { assertEncoding, encodeActivation, isActivationEncoding } from '../transfer/index.ts'

/**
 * What crosses behind a layer, written as the plan says; plainly where it names an encoding of pictures.
 * @throws BadConfiguration no encoding has that name
 */
export async function encodeActivations(
  layer: string,
  tensors: readonly Tensor[],
  encoding: string | undefined,
  platform?: Platform,
): Promise<Activation> {
  const at = `after:${layer}` as const
  if (encoding !== undefined) assertEncoding(encoding)
  if (encoding === undefined || encoding === 'float32' || !isActivationEncoding(encoding))
    return { form: 'tensors', at, tensors }
  const encoded = await Promise.all(
    tensors.map(async (tensor): Promise<Tensor> => {
      const bytes = await encodeActivation(tensor, encoding, platform)
      return { name: tensor.name, type: 'uint8', shape: [bytes.byteLength], bytes }
    }),
  )
  return { form: 'tensors', at, tensors: encoded, encoding }
}
