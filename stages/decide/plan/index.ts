export { type FrontPoint, type Planner, type PlannerOptions, plan } from './planner.ts'
