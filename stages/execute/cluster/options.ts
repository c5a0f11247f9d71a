import { z } from 'zod'
import { readOptions } from '../../../pipeline/index.ts'

const ms = z.number().positive().max(60_000)

/** Strict. */
export const clusterOptions = z.strictObject({
  /** Milliseconds between two announcements; a node that misses three counts as gone. Default 500. */
  beat: ms.default(500),
  /** Milliseconds that a node listens for the others before it serves. Default 100. */
  settle: ms.default(100),
  /** How far above the mean a node may be loaded before a model is loaded elsewhere. Default 1.25. */
  bound: z.number().min(1).default(1.25),
  /** Messages of other nodes that this one holds at once; more are refused. Default 1,024. */
  capacity: z.number().int().min(1).max(65_536).default(1_024),
  /** Nodes that are asked to load a model for one message, at most. Default 3. */
  tries: z.number().int().min(1).max(16).default(3),
  /** Milliseconds between two records for observers; `false`: none are written. Default 1,000. */
  observe: z.union([z.number().min(1_000).max(60_000), z.literal(false)]).default(1_000),
})

/** How cloud nodes share execution: plain values, and what is used where they are left out. */
export type ClusterOptions = z.input<typeof clusterOptions>
export type ClusterSettings = z.output<typeof clusterOptions>

/** @throws BadConfiguration naming the option that is wrong */
export function clusterSettings(options: true | ClusterOptions): ClusterSettings {
  return readOptions(clusterOptions, options === true ? {} : options, 'execute()', 'cluster')
}
