import {
  BadConfiguration,
  BadMessage,
  type Directory,
  sleep,
  systemClock,
  VersionMismatch,
} from '../../pipeline/index.ts'
import { type NodeRecord, readRecord } from '../../stages/index.ts'
import { connect } from '../nats/index.ts'
import { clusterTotals, figuresTable, nodesTable, residencyTable } from './cache-tables.ts'
import { type Output, result } from './output.ts'
import { milliseconds } from './units.ts'

/** Options of `quintet cache`, as the command line gives them. */
export interface CacheCommandOptions {
  readonly server?: string
  readonly pipeline?: string
  readonly watch?: boolean
  readonly every?: string
  readonly json?: boolean
}

/** Clears the screen and begins at its top. */
const clear = '\u001b[2J\u001b[H'

/**
 * `quintet cache --server URL`: what a running cluster holds, and how well that serves it.
 * @param signal ends `--watch`
 */
export async function cacheCommand(options: CacheCommandOptions, output: Output, signal?: AbortSignal): Promise<void> {
  const every = milliseconds(String(options.every ?? '1s'))
  if (every < 100) throw new BadConfiguration('Nodes write a record each second. Let --every be 100ms or more.')
  const transport = await connect({ ...(options.server ? { servers: options.server } : {}), name: 'quintet cache' })
  try {
    const directory = await transport.directory?.()
    if (directory === undefined) throw new BadConfiguration('This transport keeps no directory. Name a NATS server.')
    if (!options.watch) return show(await clusterRecords(directory, options.pipeline), options, output)
    while (!signal?.aborted) {
      const records = await clusterRecords(directory, options.pipeline)
      if (options.json) output.write(JSON.stringify(asJson(records)))
      else output.write(`${clear}${text(records)}`)
      await sleep(systemClock, every, signal).catch(() => {})
    }
  } finally {
    await transport.drain()
  }
}

/** The records of all nodes, or of those of one pipeline, by name. @throws TransportClosed */
export async function clusterRecords(
  directory: Directory,
  pipeline?: string,
): Promise<{ readonly nodes: readonly NodeRecord[]; readonly unreadable: number }> {
  const nodes: NodeRecord[] = []
  let unreadable = 0
  for (const bytes of (await directory.list()).values()) {
    try {
      const record = readRecord(bytes)
      if (pipeline === undefined || record.pipeline === pipeline) nodes.push(record)
    } catch (error) {
      if (!(error instanceof BadMessage || error instanceof VersionMismatch)) throw error
      unreadable += 1
    }
  }
  const name = ({ tenant, pipeline: of, node }: NodeRecord) => `${tenant} ${of} ${node}`
  return { nodes: nodes.sort((one, other) => (name(one) < name(other) ? -1 : 1)), unreadable }
}

type Records = Awaited<ReturnType<typeof clusterRecords>>

function show(records: Records, { json, pipeline }: CacheCommandOptions, output: Output): void {
  if (records.nodes.length === 0) {
    output.note(
      `No node${pipeline === undefined ? '' : ` of "${pipeline}"`} has written what it holds in the last 5 s. Start one with execute({ cluster: true }) on this server.`,
    )
  }
  result(output, json, asJson(records), () => text(records))
}

const asJson = ({ nodes, unreadable }: Records) => ({ nodes, unreadable, totals: clusterTotals(nodes) })

function text({ nodes, unreadable }: Records): string {
  if (nodes.length === 0) return ''
  return [
    nodesTable(nodes),
    '',
    residencyTable(nodes),
    '',
    figuresTable(nodes),
    ...(unreadable > 0 ? ['', `${unreadable} records of other versions are not shown`] : []),
  ].join('\n')
}
