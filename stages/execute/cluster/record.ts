import { z } from 'zod'
import { BadMessage, VersionMismatch, versioned } from '../../../pipeline/index.ts'
import { token } from '../../manage/index.ts'
import type { CacheStatistics } from '../cache/index.ts'
import type { PoolStatistics } from '../contract.ts'
import type { Alias } from './announcement.ts'
import type { NodeFigures } from './figures.ts'

const amount = z.number().min(0)
const optional = amount.optional()
const times = z.object({ mean: amount, p95: amount })
const counts = z.record(z.string().max(64), amount)

/** Copies told of at most, the largest first. */
const mostCopies = 512

/**
 * A node as observers see it. Sizes in bytes, durations in ms; ratios 0…1, absent before there is anything to divide.
 * Figures are since the node's start, but for `times`: of its last 512 runs.
 */
export const nodeRecord = versioned({
  what: "a node's record",
  version: 1,
  remedy: 'Use an observer of the release of that node.',
  schema: z.object({
    tenant: token,
    pipeline: token,
    node: token,
    uptime: amount,
    /** Copies of models, with the executor that has each. */
    models: z
      .array(
        z.object({
          model: z.string().max(256),
          executor: z.string().max(256),
          state: z.enum(['loading', 'ready', 'draining', 'unloading', 'stuck']),
          bytes: amount,
          leases: amount,
        }),
      )
      .max(mostCopies),
    aliases: z.array(z.object({ name: token, to: token, revision: amount })).max(1_024),
    /** Bytes that models may use (absent: any), and do; and what executors need beside. */
    memory: z.object({ budget: optional, used: amount, overhead: amount }),
    /** Runs that wait, executors that work and live, the milliseconds of one executor that all this needs. */
    queue: z.object({ waiting: amount, busy: amount, executors: amount, pending: amount, desired: amount }),
    /** What became of messages; see `RouteCounts`. */
    routes: counts,
    requests: amount,
    hits: amount,
    cold: amount,
    loads: amount,
    loadFailures: amount,
    evictions: amount,
    /** By cause, of the cache and of the pool. */
    refusals: counts,
    hitRatio: optional,
    byteHitRatio: optional,
    coldLatencyShare: optional,
    reloadWithin60s: optional,
    coalescing: optional,
    sizeError: optional,
    ageAtEviction: z.object({ p50: amount, p95: amount }).optional(),
    gigabyteSeconds: amount,
    costPer1000: optional,
    times: z.object({ queue: times, load: times, batch: times, run: times }).optional(),
  }),
})

export type NodeRecord = z.infer<typeof nodeRecord.schema>

/** Where a node's record lies in a directory. */
export const recordKey = ({ tenant, pipeline, node }: Pick<NodeRecord, 'tenant' | 'pipeline' | 'node'>): string =>
  `${tenant}.${pipeline}.${node}`

export interface RecordSources {
  readonly tenant: string
  readonly pipeline: string
  readonly node: string
  readonly uptime: number
  readonly limited: boolean
  readonly aliases: readonly Alias[]
  readonly cache: CacheStatistics
  readonly pool: PoolStatistics
  readonly figures: NodeFigures
}

/** What a node tells observers. */
export function makeRecord({ cache, pool, figures, limited, aliases, ...who }: RecordSources): NodeRecord {
  const { tenant, pipeline, node, uptime } = who
  const { reloadWithin60s, sizeError, costPer1000 } = cache
  // By runs: of a cache's leases all runs that wait for one load share one.
  const { all: requests, runs: cold, hitRatio, byteHitRatio, latencyShare: coldLatencyShare, coalescing } = pool.cold
  const copies = [...cache.copies].sort((one, other) => other.bytes - one.bytes).slice(0, mostCopies)
  const refusals: Record<string, number> = {}
  for (const [cause, count] of [...Object.entries(cache.refused), ...Object.entries(pool.refusedBy)]) {
    if (count > 0) refusals[cause] = (refusals[cause] ?? 0) + count
  }
  return nodeRecord.write({
    tenant,
    pipeline,
    node,
    uptime,
    models: copies.map(({ model, executor, state, bytes, leases }) => ({ model, executor, state, bytes, leases })),
    aliases: [...aliases],
    memory: {
      ...(limited ? { budget: cache.budget } : {}),
      used: cache.usedBytes,
      overhead: cache.overheadBytes,
    },
    queue: {
      waiting: pool.queued,
      busy: pool.busy,
      executors: pool.up,
      pending: pool.pendingMs,
      desired: pool.desiredSize,
    },
    routes: { ...figures.counts },
    requests,
    hits: requests - cold,
    cold,
    loads: cache.loads,
    loadFailures: cache.loadFailures,
    evictions: cache.evictions,
    refusals,
    hitRatio,
    byteHitRatio,
    coldLatencyShare,
    reloadWithin60s,
    coalescing,
    sizeError,
    ageAtEviction: cache.ageAtEviction,
    gigabyteSeconds: cache.gigabyteSeconds,
    costPer1000,
    times: pool.times,
  })
}

const [encoder, decoder] = [new TextEncoder(), new TextDecoder()]

export const packRecord = (record: NodeRecord): Uint8Array => encoder.encode(JSON.stringify(record))

/** @throws BadMessage it is no record · VersionMismatch a node of another release wrote it */
export function readRecord(bytes: Uint8Array): NodeRecord {
  try {
    return nodeRecord.read(JSON.parse(decoder.decode(bytes)), 'A record in the directory')
  } catch (cause) {
    if (cause instanceof VersionMismatch) throw cause
    throw new BadMessage('What is in the directory is no record of a node. Only Quintet may write there.', { cause })
  }
}
