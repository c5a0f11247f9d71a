/*
 * npm run bench                    all benchmarks, as a table
 * npm run bench -- --only NAME     one of them (or several, by commas)
 * npm run bench -- --json          an array of rows {name, value, unit, aim, holds}
 */
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { Row } from './row.ts'

/** Each file exports `bench()`; a run measures all it compares, by turns. */
const benches: Readonly<Record<string, () => Promise<{ bench: () => Promise<readonly Row[]> }>>> = {
  stages: () => import('./stages.ts'),
  loop: () => import('./loop.ts'),
  nats: () => import('./nats.ts'),
  transport: () => import('./transport.ts'),
  executor: () => import('./executor.ts'),
  decisions: () => import('./decisions.ts'),
  split: () => import('./split.ts'),
  predictor: () => import('./predictor.ts'),
}

const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'boolean', default: false } } })
const names = values.only?.split(',') ?? Object.keys(benches)
const rows: Row[] = []
for (const name of names) {
  const load = benches[name]
  if (!load) {
    console.error(`There is no benchmark "${name}". Use one of: ${Object.keys(benches).join(', ')}.`)
    process.exit(2)
  }
  if (!values.json) process.stderr.write(`${name} …\n`)
  rows.push(...(await (await load()).bench()))
}

if (values.json) console.log(JSON.stringify(rows))
else {
  const table = new Table({
    head: ['', 'value', 'unit', 'aim', ''],
    colAligns: ['left', 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const { name, value, unit, aim, holds } of rows)
    table.push([name, value, unit, aim, aim === '' ? '' : holds ? 'holds' : 'MISSED'])
  console.log(table.toString())
}
