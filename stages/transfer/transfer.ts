import type { Observable } from 'rxjs'
import {
  asStage,
  boundaryDefinition,
  evolve,
  type Item,
  type Message,
  type Payload,
  rank,
  type StageDefinition,
  type WireOptions,
} from '../../pipeline/index.ts'

import { assertEncoding } from './encodings.ts'

/** The wire: what stands below it runs in the cloud. A pipeline has one. */
export interface Transfer {
  <P extends Payload>(source: Observable<Item<P, 'device'>>): Observable<Item<P, 'cloud'>>
  readonly definition: StageDefinition
}

/**
 * Carries each message over the wire, as the plan says, and comes back with its answer; messages that the device has
 * answered pass by. A plan whose cut is still open is closed here, at the point of the chain that the payload has
 * reached. Where nothing crosses for long, the way is probed.
 * @throws BadConfiguration a bad option
 */
export function transfer(options: WireOptions = {}): Transfer {
  return asStage<Transfer>(boundaryDefinition('transfer', { kind: 'wire' }, options, closeCut))
}

/** What the device did is done: the wire crosses where the payload stands, wherever the plan had put it. */
function closeCut(message: Message): Message {
  const { cut, encoding } = message.plan
  if (encoding !== undefined) assertEncoding(encoding)
  const at = message.payload.at
  if (cut !== undefined && rank(cut) === rank(at)) return message
  return evolve(message, { plan: { ...message.plan, cut: at } })
}
