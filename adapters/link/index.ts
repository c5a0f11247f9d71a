export { Direction, type DirectionShape } from './direction.ts'
export { deadLink, EmulatedLink, type LinkShape, type LinkShapeOptions, linkShape, noLink } from './link.ts'
export { type LinkProxy, linkProxy, type ProxyOptions } from './proxy.ts'
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
export { type ShapedOptions, shaped } from './shaped.ts'
export { slowed } from './slowed.ts'
export { parseOpportunities, parseSteps, readTrace } from './trace.ts'
