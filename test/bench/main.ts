/*
 * npm run bench                    all benchmarks, as a table
 * npm run bench -- --only NAME     one of them (or several, by commas)
 * npm run bench -- --json          an array of rows {name, value, unit, aim, holds}
 */
import Table from 'cli-table3'
import { commandLine, program } from '../../examples/program.ts'
import { BadConfiguration } from '../../pipeline/index.ts'
import type { Row } from './row.ts'

/** Each file exports `bench()`; a run measures all it compares, by turns. */
const benches: Readonly<Record<string, () => Promise<{ bench: () => Promise<readonly Row[]> }>>> = {
  stages: () => import('./stages.ts'),
  loop: () => import('./loop.ts'),
  nats: () => import('./nats.ts'),
  transport: () => import('./transport.ts'),
  frames: () => import('./frames.ts'),
  executor: () => import('./executor.ts'),
  cache: () => import('./cache.ts'),
  'cache-sessions': () => import('./cache-sessions.ts'),
  pool: () => import('./pool.ts'),
  decisions: () => import('./decisions.ts'),
  split: () => import('./split.ts'),
  predictor: () => import('./predictor.ts'),
  simulation: () => import('./simulation.ts'),
  overload: () => import('./overload.ts'),
}

await program(async () => {
  const { only, json } = commandLine({ only: { type: 'string' }, json: { type: 'boolean', default: false } })
  const chosen = (only?.split(',') ?? Object.keys(benches)).map((name) => {
    const load = benches[name]
    if (load) return { name, load }
    throw new BadConfiguration(`There is no benchmark "${name}". Use one of: ${Object.keys(benches).join(', ')}.`)
  })
  const rows: Row[] = []
  for (const { name, load } of chosen) {
    if (!json) process.stderr.write(`${name} …\n`)
    rows.push(...(await (await load()).bench()))
  }
  if (json) console.log(JSON.stringify(rows))
  else console.log(table(rows))
})

function table(rows: readonly Row[]): string {
  const table = new Table({
    head: ['', 'value', 'unit', 'aim', ''],
    colAligns: ['left', 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const { name, value, unit, aim, holds } of rows)
    table.push([name, value, unit, aim, aim === '' ? '' : holds ? 'holds' : 'MISSED'])
  return table.toString()
}
