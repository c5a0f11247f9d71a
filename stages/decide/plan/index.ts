export type { FrontPoint } from './front.ts'
export { type Planner, type PlannerOptions, plan } from './planner.ts'
