export {
  dated,
  type LogEntry,
  type LoggedDecision,
  type LoggedFact,
  type LoggedOutcome,
  type LoggedWorld,
  type LostEntries,
  logVersion,
  parseEntry,
  UnknownLogVersion,
} from './entry.ts'
export { type DecisionSink, type LoggedOptions, logged } from './logged.ts'
