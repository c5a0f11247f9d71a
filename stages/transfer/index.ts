export {
  type ActivationEncoding,
  activationBytes,
  activationEncodings,
  canPack,
  type DecodeLimits,
  decodeActivation,
  encodeActivation,
  isActivationEncoding,
  isExact,
} from './activations.ts'
export {
  assertEncoding,
  isLossless,
  isPictureEncoding,
  type PictureWriting,
  pictureWriting,
  precisionOf,
  type Subsampling,
} from './encodings.ts'
export { fromHalves, toHalves } from './halves.ts'
export { type Transfer, transfer } from './transfer.ts'
