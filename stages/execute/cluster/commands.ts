import { z } from 'zod'
import { token } from '../../manage/index.ts'
import { mostRevision } from './aliases.ts'

/** Longest that a step of a roll-out may take, ms. */
const within = z.number().positive().max(600_000)

/**
 * What a node is told in a roll-out, in this order. `prepare`: load the new version beside the old one, where that is
 * loaded · `move`: the name stands for the new one from now on · `drain`: wait for what began under the old one ·
 * `retire`: let the old one go · `abort`, instead of `move`: let the new one go.
 */
export const command = z.discriminatedUnion('step', [
  z.object({ step: z.literal('prepare'), name: token, to: token, within }),
  z.object({
    step: z.literal('move'),
    name: token,
    to: token,
    revision: z.number().int().min(1).max(mostRevision),
    /** Moves up to this revision are overruled, also where the new one is lower. */
    over: z.number().int().min(0).optional(),
  }),
  z.object({ step: z.literal('drain'), name: token, from: token, within }),
  z.object({ step: z.literal('retire'), name: token, from: token, to: token }),
  z.object({ step: z.literal('abort'), name: token, to: token }),
])

export type Command = z.infer<typeof command>

/** What a node answers: the model that the name stands for there, and how often it has been moved. */
export const commandReply = z.object({ model: token, revision: z.number().int().min(0) })

export type CommandReply = z.infer<typeof commandReply>
