export { LinkEstimate, type LinkEstimateOptions } from './link.ts'
export { PreparingTime } from './preparing.ts'
export { Regression, type RegressionOptions } from './regression.ts'
export { Samples } from './samples.ts'
