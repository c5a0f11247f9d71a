export {
  dated,
  type LogEntry,
  type LoggedDecision,
  type LoggedFact,
  type LoggedOutcome,
  type LoggedProbe,
  type LoggedWorld,
  type LostEntries,
  logVersion,
  parseEntry,
} from './entry.ts'
export { type DecisionSink, type LoggedOptions, logged } from './logged.ts'
