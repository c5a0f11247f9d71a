export { duplicate, figure1, figure1Pool, figure2, hourly, networks, residential, zoo } from './data.ts'
export { mdinference } from './mdinference.ts'
export { type Conditions, type PolicyName, policies, scenarioOf } from './run.ts'
