export { type Configuration, configurationOf, fitBaseline } from './baseline.ts'
export { type DeviceClass, deviceClasses, onDevice } from './devices.ts'
export { type Evaluation, evaluate, type Measured } from './evaluate.ts'
export { type Features, featuresOf } from './features.ts'
export { type Measurement, type MeasureOptions, measure, type Timing } from './measure.ts'
export { fitPredictor, loadPredictor, type Predictor, type Sample, type SavedPredictor } from './predictor.ts'
export {
  loadProfile,
  type ModelProfile,
  machine,
  modelProfile,
  profile,
  runtime,
  samplesOf,
  saveProfile,
} from './profile.ts'
export { referencePredictor } from './reference.ts'
