export {
  type Bottleneck,
  constantRate,
  deadRate,
  opportunities,
  opportunityBytes,
  type Rate,
  type RateStep,
  steps,
} from './rate.ts'
export { parseOpportunities, parseSteps, readTrace } from './trace.ts'
