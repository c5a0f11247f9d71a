import { z } from 'zod'
import {
  type Actor,
  actor,
  type Behaviour,
  type Clock,
  type Events,
  later,
  nodeSubject,
  remote,
  type Transport,
} from '../../../pipeline/index.ts'
import { type Command, type CommandReply, command } from './commands.ts'
import { type Answer, type Question, question } from './placements.ts'
import { type NodeRecord, nodeRecord } from './record.ts'

/** Asks for a node's record: what it holds in memory, what waits, its figures. */
const inquiry = z.object({ ask: z.literal('record') })

/** What a node is asked on its address, `cmd.TENANT.PIPELINE.NODE`. */
export const asked = z.union([command, question, inquiry])

export type Asked = Command | Question | z.infer<typeof inquiry>
export type Told = CommandReply | Answer | NodeRecord

/** What a node answers with; it outlives each behaviour of the node's actor. */
export interface NodeParts {
  /** Carries out one step of a roll-out. */
  readonly follow: (command: Command) => Promise<CommandReply>
  /** Where a model belongs. */
  readonly place: (question: Question) => Answer
  readonly record: () => NodeRecord
}

export interface NodeActorOptions {
  readonly node: string
  readonly clock: Clock
  readonly events: Events
}

/**
 * A node as those outside speak to it. Steps of roll-outs take their time and are answered later, so that one that waits
 * keeps nobody waiting. Messages for models do not come this way.
 */
export function nodeActor(parts: NodeParts, { node, clock, events }: NodeActorOptions): Actor<Asked, Told> {
  const behaviour: Behaviour<Asked, Told> = {
    receive: (message) => {
      if ('step' in message) return later<Told>(parts.follow(message))
      return 'ask' in message ? parts.record() : parts.place(message)
    },
  }
  return actor(`cluster node ${node}`, () => behaviour, { clock, events })
}

export interface AskRecordOptions {
  readonly pipeline: string
  readonly node: string
  /** Whose pipeline it is. Default `main`. */
  readonly tenant?: string
  /** Longest wait, ms. Default 5,000. */
  readonly within?: number
  readonly clock?: Clock
}

/**
 * Asks one node of a cluster for its record as it is now; the directory has what each wrote last.
 * @throws NoResponders no such node is there · DeadlineExceeded · ActorStopped it is ending · BadMessage it speaks
 *   another version · TransportClosed
 */
export async function askRecord(transport: Transport, options: AskRecordOptions): Promise<NodeRecord> {
  const { pipeline, node, tenant = 'main', within = 5_000, clock } = options
  const subject = nodeSubject('cmd', tenant, pipeline, node)
  const ref = remote<Asked, NodeRecord>(transport, subject, { schema: nodeRecord.schema, ...(clock ? { clock } : {}) })
  return ref.ask({ ask: 'record' }, within)
}
