/*
 * npm run faults                       every fault, with real processes and a real NATS server; takes some twenty minutes
 * npm run faults -- --list             their names
 * npm run faults -- --only 'reset 5'   those whose name contains that
 * npm run faults -- --json             one line of JSON for each, on standard output
 *
 * Ends with exit code 1 where one did not hold.
 */
import { BadConfiguration } from '../../adapters/node/index.ts'
import { commandLine, program } from '../../examples/program.ts'
import { compilePrograms } from '../support/program.ts'
import type { Row, Seen } from './row.ts'
import { neighbours } from './rows/neighbours.ts'
import { outages } from './rows/outages.ts'

const rows: readonly Row[] = [...outages, ...neighbours]

await program(async () => {
  const { only, list, json } = commandLine({
    only: { type: 'string' },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  })
  const chosen = rows.filter(({ name }) => only === undefined || name.includes(only))
  if (chosen.length === 0) throw new BadConfiguration(`No fault is called "${only}". See --list.`)
  if (list) {
    for (const { name } of chosen) console.log(name)
    return
  }
  await compilePrograms()
  let failed = 0
  for (const { name, run } of chosen) {
    const seen = await run()
    if (seen.wrong.length > 0) failed++
    console.log(json ? JSON.stringify({ name, passes: seen.wrong.length === 0, ...seen }) : told(name, seen))
  }
  if (!json) console.log(failed === 0 ? `All ${chosen.length} held.` : `${failed} of ${chosen.length} did not hold.`)
  if (failed > 0) process.exitCode = 1
})

function told(name: string, { ledgers, figures, wrong }: Seen): string {
  const lines = Object.entries(ledgers).map(
    ([device, { in: all, results, failures, dropped, duplicated, codes }]) =>
      `  ${device}: ${all} = ${results} results + ${failures} failures + ${dropped} dropped; ${duplicated} twice; ${JSON.stringify(codes)}`,
  )
  const others = Object.entries(figures).map(([figure, value]) => `  ${figure}: ${value}`)
  return [
    `${wrong.length === 0 ? 'passes' : 'FAILS '} ${name}`,
    ...lines,
    ...others,
    ...wrong.map((one) => `  WRONG: ${one}`),
  ].join('\n')
}
