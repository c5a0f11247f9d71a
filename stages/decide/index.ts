export {
  LinkEstimate,
  type LinkEstimateOptions,
  OnTime,
  type OnTimeOptions,
  PreparingTime,
  Profile,
  type ProfileOptions,
  Regression,
  type RegressionOptions,
  type Resource,
  Samples,
  Slowdown,
  type SlowdownOptions,
  Slowdowns,
} from './estimate/index.ts'
export { type Place, type PlaceOptions, place } from './place.ts'
