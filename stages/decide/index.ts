export {
  LinkEstimate,
  type LinkEstimateOptions,
  PreparingTime,
  Regression,
  type RegressionOptions,
  Samples,
} from './estimate/index.ts'
export { type Place, type PlaceOptions, place } from './place.ts'
