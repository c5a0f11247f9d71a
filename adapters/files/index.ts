export { type DecisionLog, type DecisionLogOptions, decisionLog } from './decision-log.ts'
export { type PicturesOptions, pictures } from './pictures.ts'
export { type DecisionReader, type ReadCounts, readDecisions } from './read-decisions.ts'
