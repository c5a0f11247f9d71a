import { type Activation, BadMessage, type Platform, type Tensor, type TensorsPayload } from '../../pipeline/index.ts'
import { assertEncoding, decodeActivation, encodeActivation, isActivationEncoding } from '../transfer/index.ts'

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

/** The tensors a payload carries, however they are written. @throws BadMessage · TooLarge · BadConfiguration packed in a way that this platform lacks */
export async function decodeActivations(payload: TensorsPayload, platform?: Platform): Promise<readonly Tensor[]> {
  if (payload.encoding === undefined) return payload.tensors
  if (!isActivationEncoding(payload.encoding)) {
    throw new BadMessage(`No activation encoding is called "${payload.encoding}". Run the same version on both sides.`)
  }
  return Promise.all(payload.tensors.map(({ bytes }) => decodeActivation(bytes, { platform })))
}
