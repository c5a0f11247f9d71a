import { z } from 'zod'
import {
  BadMessage,
  type Dialects,
  listOf,
  type Parts,
  packFrame,
  type Read,
  readFrame,
  totalBytes,
} from '../../../pipeline/index.ts'
import { token } from '../../manage/index.ts'

const count = z.number().int().min(0)
/** As in subjects: 16 hexadecimal digits. */
export const modelKey = z.string().regex(/^[0-9a-f]{16}$/)

/** Where a name points, and how often it has been moved. */
const alias = z.object({ name: token, to: token, revision: z.number().int().min(1) })

const announcement = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('here'),
    node: token,
    /** Bytes that its models use, and messages that it holds or runs. */
    bytes: z.number().min(0),
    pending: count,
    /** Models that it is loading, and that it holds, by their keys in subjects. */
    loading: listOf(modelKey, 256),
    holding: listOf(modelKey, 1_024),
    aliases: listOf(alias, 1_024),
    /** Asks the others to announce themselves at once. */
    asks: z.literal(true).optional(),
  }),
  /** It serves no longer. */
  z.object({ kind: z.literal('left'), node: token }),
  /** Somebody who is no node asks all to announce themselves. */
  z.object({ kind: z.literal('who'), node: token }),
])

export type Announcement = z.infer<typeof announcement>
export type Alias = z.infer<typeof alias>
/** A node as it says of itself. */
export type Presence = Omit<Extract<Announcement, { kind: 'here' }>, 'kind' | 'asks'>

/** Largest announcement, bytes. */
const largest = 128 * 1024

/** @param version of the wire, in which all read it who are to */
export const packAnnouncement = (said: Announcement, dialects: Dialects, version: number): Parts =>
  packFrame(said, [], dialects, version)

/**
 * What a node says of itself, with the versions that it speaks.
 * @throws BadMessage it is none, is too large, or speaks for another node than its subject · VersionMismatch
 */
export function readAnnouncement(subject: string, data: Parts, dialects: Dialects): Read<Announcement> {
  const bytes = totalBytes(data)
  if (bytes > largest) throw new BadMessage(`An announcement of ${bytes} bytes came; ${largest} are allowed.`)
  const read = readFrame(announcement, data, dialects)
  if (speaker(subject) === read.header.node) return read
  throw new BadMessage(
    `An announcement on "${subject}" speaks for "${read.header.node}". A node speaks for itself alone.`,
  )
}

/** The node that may speak on a subject for observers. */
export const speaker = (subject: string): string => subject.slice(subject.lastIndexOf('.') + 1)
