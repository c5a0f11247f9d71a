export { assumed, type Conditions, models, otherConditions, published, variant, variants } from './data.ts'
export { layercake, policies } from './layercake.ts'
export { type Insight, type Policy, type Settled, simulate, type Trial } from './simulation.ts'
