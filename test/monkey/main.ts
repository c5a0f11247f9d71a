/*
 * npm run monkey                                    100,000 captures, every tenth scene over a NATS server
 * npm run monkey -- --captures 5000 --seed 77       so many, from that seed on
 * npm run monkey -- --scene 1234                    that scene again, with what it is made of
 * npm run monkey -- --scene 1234 --nats             the same over a server
 */
import { natsServer, obtainNatsServer } from '../../adapters/nats/index.ts'
import { commandLine, positive, program } from '../../examples/program.ts'
import { pictures } from '../../examples/zoo/index.ts'
import type { Album } from './captures.ts'
import { hurried, natsPlace } from './nats.ts'
import { memoryPlace } from './run.ts'
import { type Outcome, playSeed, sceneOf, Watch } from './session.ts'

/** Of so many scenes one goes over the server: there time passes by itself. */
const overServer = 10
/** What the process may keep between its first fifth and its end, bytes: compiled code and the runtime's own. */
const growthAllowed = 24 * 2 ** 20

await program(async () => {
  const given = commandLine({
    captures: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    scene: { type: 'string' },
    nats: { type: 'boolean', default: false },
  })
  const album = await drawn()
  const server = await natsServer({ binary: await obtainNatsServer() })
  const watch = new Watch()
  // Each listener that falls is warned of once a run, as it should be.
  console.warn = () => {}
  const one = (seed: number, nats: boolean) =>
    nats ? playSeed(seed, album, watch, natsPlace(server), hurried) : playSeed(seed, album, watch, memoryPlace())
  try {
    if (given.scene !== undefined) {
      const seed = positive('scene', given.scene)
      console.log(JSON.stringify(given.nats ? hurried(sceneOf(seed)) : sceneOf(seed), undefined, 1))
      told(await one(seed, given.nats))
    } else await long(positive('captures', given.captures), positive('seed', given.seed), one)
  } finally {
    watch.close()
    await server.stop()
  }
})

async function long(wanted: number, from: number, one: (seed: number, nats: boolean) => Promise<Outcome>) {
  const sum = { scenes: 0, overNats: 0, refused: 0, captures: 0, results: 0, failures: 0, dropped: 0 }
  const codes: Record<string, number> = {}
  const found: Outcome[] = []
  let warm: number | undefined
  const sockets = socketsOpen()
  for (let seed = from; sum.captures < wanted; seed++) {
    const nats = seed % overServer === 0
    const outcome = await one(seed, nats)
    sum.scenes++
    sum.overNats += nats ? 1 : 0
    sum.refused += outcome.refused ? 1 : 0
    for (const key of ['captures', 'results', 'failures', 'dropped'] as const) sum[key] += outcome[key]
    for (const [code, times] of Object.entries(outcome.codes)) codes[code] = (codes[code] ?? 0) + times
    if (outcome.wrong.length > 0) {
      found.push(outcome)
      told(outcome, nats)
    }
    if (sum.scenes % 500 === 0) process.stderr.write(`${sum.captures} captures, ${found.length} scenes went wrong\n`)
    if (warm === undefined && sum.captures > wanted / 5) warm = heap()
  }
  const grown = heap() - (warm ?? heap())
  console.log(JSON.stringify({ ...sum, codes, grownBytes: grown, socketsLeft: socketsOpen() - sockets }, undefined, 1))
  const failing = [
    ...(found.length > 0 ? [`${found.length} scenes went wrong: ${found.map(({ seed }) => seed).join(', ')}`] : []),
    ...(grown > growthAllowed ? [`the heap grew by ${grown} bytes`] : []),
    ...(socketsOpen() > sockets ? [`${socketsOpen() - sockets} sockets are left`] : []),
  ]
  console.log(failing.length > 0 ? `WRONG: ${failing.join('; ')}.` : 'Nothing went wrong.')
  if (failing.length > 0) process.exitCode = 1
}

function told({ seed, wrong, ...rest }: Outcome, nats = false): void {
  console.log(
    `scene ${seed}${nats ? ' --nats' : ''}: ${wrong.length === 0 ? JSON.stringify(rest) : wrong.join('\n  ')}`,
  )
}

/** Bytes that are reachable. */
function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

function socketsOpen(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

async function drawn(): Promise<Album> {
  const made: Uint8Array[] = []
  for await (const { jpeg } of pictures({ count: 3, seed: 5, mix: [{ share: 1, megapixels: [0.1, 0.2] }] }))
    made.push(jpeg)
  return { pictures: made }
}
