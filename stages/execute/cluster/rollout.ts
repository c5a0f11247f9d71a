import { z } from 'zod'
import {
  type ActorRef,
  BadConfiguration,
  type Clock,
  Events,
  hex,
  NoResponders,
  nodeSubject,
  type Platform,
  readOptions,
  remote,
  systemClock,
  type Transport,
  webPlatform,
} from '../../../pipeline/index.ts'
import { token } from '../../manage/index.ts'
import { nextRevision } from './aliases.ts'
import { type Command, type CommandReply, commandReply } from './commands.ts'
import { Membership } from './membership.ts'
import { clusterSettings } from './options.ts'

const settings = z.strictObject({
  pipeline: token,
  /** Whose pipeline it is. Default `main`. */
  tenant: token.default('main'),
  /** The id that plans name. */
  name: token,
  /** The id of the model that answers under that name from now on; every node's catalogue has it. */
  to: token,
  /** Longest that loading the new version, and then the old one's last message, may take, in ms. Default 60,000. */
  within: z.number().positive().max(600_000).default(60_000),
})

export interface RollOutOptions extends z.input<typeof settings> {
  readonly clock?: Clock
  readonly platform?: Platform
}

/** What a roll-out came to. */
export interface RollOutReport {
  /** The nodes that were told. */
  readonly nodes: readonly string[]
  /** The model that answered before. */
  readonly from: string
  readonly to: string
  readonly revision: number
}

/** A step that needs no waiting may take so long, ms. */
const brief = 5_000

/**
 * Moves a name to another model on all nodes of a pipeline without failing a message: the new version is loaded beside
 * the old one wherever that is; when all are ready the name moves, on each node at once for all that comes from then on;
 * what began before ends under the old version; when that has ended everywhere, the old version goes. A message that
 * comes from behind a layer ends with the version that its head was made with. Nodes that start later learn of it from
 * the others; when all have ended, the catalogue alone says what a name stands for.
 *
 * @returns resolves when the old version answers under this name no more, on any node
 * @throws BadConfiguration an option is wrong, nobody serves the pipeline, or the versions take unlike inputs ·
 *   UnknownModel a node does not have it · LeaseRefused · ModelLoadFailed (in these cases nothing has moved) ·
 *   DeadlineExceeded before the move nothing has moved; after it the old version has not ended yet
 */
export async function rollOut(transport: Transport, options: RollOutOptions): Promise<RollOutReport> {
  const { clock = systemClock, platform = webPlatform, ...plain } = options
  const { name, to, within, pipeline, tenant } = readOptions(settings, plain, 'rollOut()')
  const observer = `observer-${hex(platform.randomBytes(6))}`
  const known = await presentNodes(transport, tenant, pipeline, clock, observer)
  if (known.length === 0) {
    throw new BadConfiguration(
      `No node serves "${pipeline}" of "${tenant}" in a cluster. Start one, with execute({ cluster: true }).`,
    )
  }
  const told = new Set(known)
  /** Each remembers which versions of the wire its node speaks. */
  const refs = new Map<string, ActorRef<Command, CommandReply>>()
  const refOf = (node: string) => {
    const subject = nodeSubject('cmd', tenant, pipeline, node)
    const ref = refs.get(node) ?? remote<Command, CommandReply>(transport, subject, { schema: commandReply, clock })
    refs.set(node, ref)
    return ref
  }
  /** Tells all nodes one step; one that is gone has nothing left to move. */
  const tell = async (step: Command, deadline: number): Promise<CommandReply[]> => {
    const replies = await Promise.allSettled(
      [...told].map(async (node) => {
        try {
          return [await refOf(node).ask(step, deadline)]
        } catch (error) {
          if (!(error instanceof NoResponders)) throw error
          told.delete(node)
          return []
        }
      }),
    )
    const failed = replies.find((reply) => reply.status === 'rejected')
    if (failed) throw failed.reason
    return replies.flatMap((reply) => (reply.status === 'fulfilled' ? reply.value : []))
  }

  let prepared: CommandReply[]
  try {
    prepared = await tell({ step: 'prepare', name, to, within }, within + brief)
  } catch (error) {
    await tell({ step: 'abort', name, to }, brief).catch(() => {})
    throw error
  }
  const [latest] = prepared.sort((one, other) => other.revision - one.revision)
  const from = latest?.model ?? name
  const over = latest?.revision ?? 0
  const revision = nextRevision(over)
  await tell({ step: 'move', name, to, revision, over }, brief)
  // Who has come since has heard of it from the others at the latest by now; what began there before is waited for, too.
  for (const node of await presentNodes(transport, tenant, pipeline, clock, observer)) told.add(node)
  await tell({ step: 'move', name, to, revision, over }, brief)
  if (from !== to) {
    await tell({ step: 'drain', name, from, within }, within + brief)
    await tell({ step: 'retire', name, from, to }, within)
  }
  return { nodes: [...told], from, to, revision }
}

/** The nodes that say that they are there. @param node by what name who asks is known */
async function presentNodes(
  transport: Transport,
  tenant: string,
  pipeline: string,
  clock: Clock,
  node: string,
): Promise<readonly string[]> {
  const { beat, settle } = clusterSettings(true)
  const events = new Events()
  const membership = new Membership({ transport, tenant, pipeline, node, clock, events, beat, self: undefined })
  try {
    await membership.join(Math.max(beat, settle))
    return membership.others.map((each) => each.node)
  } finally {
    await membership.close()
  }
}
