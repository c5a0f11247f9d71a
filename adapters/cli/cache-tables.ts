import type { NodeRecord } from '../../stages/index.ts'
import { table } from './output.ts'
import { bytes, ms } from './units.ts'

const percent = (value: number | undefined) => (value === undefined ? '–' : `${(100 * value).toFixed(1)} %`)
const duration = (value: number | undefined) => (value === undefined ? '–' : `${ms(value)} ms`)

/** One line a node: its memory, its queue, what it answered. */
export function nodesTable(nodes: readonly NodeRecord[]): string {
  return table(
    [
      'node',
      'pipeline',
      '>up',
      '>memory',
      '>of',
      '>models',
      '>waiting',
      '>busy',
      '>wanted',
      '>here',
      '>elsewhere',
      '>missed',
    ],
    nodes.map(({ tenant, pipeline, node, uptime, memory, models, queue, routes }) => [
      node,
      tenant === 'main' ? pipeline : `${tenant}/${pipeline}`,
      `${Math.round(uptime / 1000)} s`,
      bytes(memory.used),
      memory.budget === undefined ? 'any' : bytes(memory.budget),
      String(new Set(models.map(({ model }) => model)).size),
      String(queue.waiting),
      `${queue.busy}/${queue.executors}`,
      String(queue.desired),
      String(routes.here ?? 0),
      String(routes.elsewhere ?? 0),
      String(routes.missed ?? 0),
    ]),
  )
}

/** One line a model: where it is. */
export function residencyTable(nodes: readonly NodeRecord[]): string {
  const held = new Map<string, { bytes: number; copies: number; leases: number; where: Set<string> }>()
  for (const { pipeline, node, models } of nodes) {
    for (const { model, state, bytes: size, leases } of models) {
      const name = `${pipeline}/${model}`
      const known = held.get(name) ?? { bytes: 0, copies: 0, leases: 0, where: new Set<string>() }
      known.bytes += size
      known.copies += 1
      known.leases += leases
      known.where.add(state === 'ready' ? node : `${node} (${state})`)
      held.set(name, known)
    }
  }
  return table(
    ['model', '>copies', '>bytes', '>in use', 'held by'],
    [...held]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, { bytes: size, copies, leases, where }]) => [
        name,
        String(copies),
        bytes(size),
        String(leases),
        [...where].join(' '),
      ]),
  )
}

/** The figures of each node, and of all together where that means something. */
export function figuresTable(nodes: readonly NodeRecord[]): string {
  const totals = clusterTotals(nodes)
  const row = (name: string, of: (node: NodeRecord) => string, all = '') => [name, ...nodes.map(of), all]
  const step = (name: 'queue' | 'load' | 'batch' | 'run') =>
    row(`${name} time, mean / p95`, ({ times }) =>
      times === undefined ? '–' : `${ms(times[name].mean)} / ${ms(times[name].p95)} ms`,
    )
  return table(
    ['', ...nodes.map(({ node }) => `>${node}`), '>all'],
    [
      row('requests', ({ requests }) => String(requests), String(totals.requests)),
      row('hit ratio', ({ hitRatio }) => percent(hitRatio), percent(totals.hitRatio)),
      row('byte hit ratio', ({ byteHitRatio }) => percent(byteHitRatio)),
      row('cold-latency share', ({ coldLatencyShare }) => percent(coldLatencyShare)),
      row('loads', ({ loads }) => String(loads), String(totals.loads)),
      row('reloaded within 60 s', ({ reloadWithin60s }) => percent(reloadWithin60s), percent(totals.reloadWithin60s)),
      row('coalescing', ({ coalescing }) => (coalescing === undefined ? '–' : coalescing.toFixed(2))),
      row('size error', ({ sizeError }) => percent(sizeError)),
      row('evictions', ({ evictions }) => String(evictions), String(totals.evictions)),
      row('age at eviction, p50 / p95', ({ ageAtEviction: age }) =>
        age === undefined ? '–' : `${duration(age.p50)} / ${duration(age.p95)}`,
      ),
      row('refusals', ({ refusals }) => causes(refusals), causes(totals.refusals)),
      step('queue'),
      step('load'),
      step('batch'),
      step('run'),
      row('resident GB·s', ({ gigabyteSeconds }) => gigabyteSeconds.toFixed(3), totals.gigabyteSeconds.toFixed(3)),
      row('cost per 1,000', ({ costPer1000 }) => (costPer1000 === undefined ? '–' : costPer1000.toPrecision(3))),
    ],
  )
}

/** What nodes add up to. */
export function clusterTotals(nodes: readonly NodeRecord[]) {
  const sum = (of: (node: NodeRecord) => number) => nodes.reduce((total, node) => total + of(node), 0)
  const [hits, cold, loads] = [sum((node) => node.hits), sum((node) => node.cold), sum((node) => node.loads)]
  const refusals: Record<string, number> = {}
  for (const node of nodes) {
    for (const [cause, count] of Object.entries(node.refusals)) refusals[cause] = (refusals[cause] ?? 0) + count
  }
  return {
    nodes: nodes.length,
    requests: sum((node) => node.requests),
    hits,
    cold,
    hitRatio: hits + cold > 0 ? hits / (hits + cold) : undefined,
    loads,
    reloadWithin60s: loads > 0 ? sum((node) => (node.reloadWithin60s ?? 0) * node.loads) / loads : undefined,
    evictions: sum((node) => node.evictions),
    refusals,
    gigabyteSeconds: sum((node) => node.gigabyteSeconds),
  }
}

function causes(refusals: Readonly<Record<string, number>>): string {
  const all = Object.entries(refusals).map(([cause, count]) => `${count} ${cause}`)
  return all.length === 0 ? '0' : all.join(', ')
}
