import type { Backlog } from '../estimate/backlog.ts'
import type { Constancy } from '../estimate/constancy.ts'
import type { OnTime } from '../estimate/ontime.ts'
import type { PathTimes } from '../estimate/paths.ts'
import type { Reach } from '../estimate/reach.ts'
import type { Unanswered } from '../estimate/unanswered.ts'
import type { Off } from './off.ts'

/** What was learned so far, as far as forecasts need it. */
export interface Knowledge {
  readonly times: PathTimes
  readonly onTime: OnTime
  readonly reach: Reach
  readonly constancy: Constancy
  readonly unanswered: Unanswered
  readonly backlog: Backlog
  readonly impossible: ReadonlySet<string>
  readonly off: Off
}
