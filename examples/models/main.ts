/*
 * Many models, little memory: all models of the zoo through memory for some of them. Most requests are for a few of the
 * models, and which these are changes half-way. Prints which models are loaded as time goes by, then what it cost.
 *
 *   npx tsx examples/models/main.ts                  11 MB for models, 600 requests
 *   npx tsx examples/models/main.ts --memory 20      more, MB
 *   npx tsx examples/models/main.ts --policy lru     lru, lfu, gdsf, ageing or hit-density (the default)
 *   npx tsx examples/models/main.ts --count 2000     more requests
 *   npx tsx examples/models/main.ts --json           the statistics alone, as one JSON object
 */
import Table from 'cli-table3'
import { catalogue } from '../../adapters/catalogue/index.ts'
import { processExecutors } from '../../adapters/onnx/index.ts'
import { random } from '../../adapters/simulation/index.ts'
import type { Tensor } from '../../pipeline/index.ts'
import {
  ageing,
  type ExecutorPool,
  executorPool,
  gdsf,
  hitDensity,
  lfu,
  lru,
  type ModelSource,
  modelCache,
} from '../../stages/index.ts'
import { commandLine, oneOf, positive, program } from '../program.ts'
import { zooFolder } from '../zoo/index.ts'

const policies = { 'hit-density': hitDensity, ageing, lru, lfu, gdsf }
/** Lines of the picture. */
const lines = 20

await program(async () => {
  const given = commandLine({
    memory: { type: 'string', default: '11' },
    policy: { type: 'string', default: 'hit-density' },
    count: { type: 'string', default: '600' },
    json: { type: 'boolean', default: false },
  })
  const policy = policies[oneOf('policy', given.policy, ['hit-density', 'ageing', 'lru', 'lfu', 'gdsf'])]()
  const count = Math.ceil(positive('count', given.count))
  const budget = positive('memory', given.memory) * 1e6
  const models = catalogue(zooFolder)
  const sources = models.ids.map((id) => models.source(id))
  const pool = executorPool({
    factory: processExecutors(),
    size: 2,
    cache: (host, clock) => modelCache({ host, clock, policy, budget, loadBytesPerFileByte: 1 }),
  })
  try {
    const asked = requests(sources, count)
    if (!given.json) console.log(`${''.padEnd(9)}${models.ids.map((id) => id.padEnd(id.length + 2)).join('')}`)
    for (const [index, source] of asked.entries()) {
      const { name, width } = models.entry(source.name).input
      await pool.run(source, [grey(name, width)])
      if (!given.json && index % Math.ceil(count / lines) === 0) console.log(residency(pool, models.ids, index))
    }
    if (given.json) console.log(JSON.stringify({ pool: pool.statistics(), cache: pool.cache?.statistics() }))
    else console.log(costs(pool))
  } finally {
    await pool.close()
  }
})

/** Of eight requests four are for the first model, two for the second, and so on; half-way the order turns round. */
function requests(sources: readonly ModelSource[], count: number): ModelSource[] {
  const { uniform } = random(1, 'requests')
  return Array.from({ length: count }, (_, index) => {
    const rank = Math.min(sources.length - 1, Math.floor(-Math.log2(1 - uniform())))
    return sources.at(index < count / 2 ? rank : -1 - rank) as ModelSource
  })
}

function grey(name: string, width: number): Tensor {
  const values = new Float32Array(3 * width * width).fill(0.5)
  return { name, type: 'float32', shape: [1, 3, width, width], bytes: new Uint8Array(values.buffer) }
}

/** One line: which models are loaded now. */
function residency(pool: ExecutorPool, ids: readonly string[], request: number): string {
  const held = new Set(pool.cache?.statistics().copies.map(({ model }) => model))
  return `${String(request).padStart(6)}   ${ids.map((id) => (held.has(id) ? '█' : '·').repeat(id.length).padEnd(id.length + 2)).join('')}`
}

function costs(pool: ExecutorPool): string {
  const { cold, times, loads } = pool.statistics()
  const cache = pool.cache?.statistics()
  const table = new Table({ style: { head: [], border: [], compact: true }, colAligns: ['left', 'right'] })
  const percent = (share = 0) => `${(100 * share).toFixed(1)} %`
  table.push(
    ['hit ratio', percent(cold.hitRatio)],
    ['share of the latency that is loading', percent(cold.latencyShare)],
    ['loads, evictions', `${loads}, ${cache?.evictions}`],
    ['a load, mean wait of the last runs', `${times?.load.mean.toFixed(1)} ms`],
    ['a run', `${times?.run.mean.toFixed(1)} ms`],
    ['reloaded within 60 s', percent(cache?.reloadWithin60s)],
    ['memory', `${((cache?.usedBytes ?? 0) / 1e6).toFixed(1)} of ${((cache?.budget ?? 0) / 1e6).toFixed(1)} MB`],
  )
  return table.toString()
}
