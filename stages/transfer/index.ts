export {
  type ActivationEncoding,
  activationEncodings,
  canPack,
  type DecodeLimits,
  decodeActivation,
  encodeActivation,
  isActivationEncoding,
  isExact,
} from './activations.ts'
export { fromHalves, toHalves } from './halves.ts'
export { type Transfer, transfer } from './transfer.ts'
