import type { ChildProcess } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { Subject } from 'rxjs'
import { connect, natsServer, obtainNatsServer } from '../../../adapters/nats/index.ts'
import type { Capture } from '../../../adapters/node/index.ts'
import { median, p99 } from '../../bench/row.ts'
import { killProcess, startProcess } from '../../support/process.ts'
import { photo } from '../bombs.ts'
import { booked, decoding, flow, framesOf } from '../flow.ts'
import { type Ledger, type Row, type Seen, unbalanced } from '../row.ts'

const file = (name: string) => new URL(`../${name}.ts`, import.meta.url)

interface Played {
  readonly ledgers: Readonly<Record<string, Ledger>>
  /** ms from capture, of all answers. */
  readonly ages: readonly number[]
}

/** Some polite devices send so many frames a second each. */
async function polite(
  url: string,
  names: readonly string[],
  rate: number,
  seconds: number,
  bytes: Uint8Array,
  make: (frames: Subject<Capture>) => ReturnType<typeof flow>,
): Promise<Played> {
  const devices = await Promise.all(
    names.map(async (node) => {
      const frames = new Subject<Capture>()
      const transport = await connect({ servers: url, onFault: () => {} })
      const running = await make(frames).device(transport, { node })
      const read = (async () => {
        for await (const _ of running);
      })()
      return { node, frames, transport, books: booked(running), read }
    }),
  )
  const shooting = setInterval(() => {
    for (const { frames } of devices) frames.next({ payload: { form: 'image', at: 'captured', bytes } })
  }, 1000 / rate)
  await pause(seconds * 1000)
  clearInterval(shooting)
  for (const { frames } of devices) frames.complete()
  await Promise.all(devices.map(({ read }) => read))
  await Promise.all(devices.map(({ transport }) => transport.drain(0)))
  return {
    ledgers: Object.fromEntries(devices.map(({ node, books }) => [node, books.ledger()])),
    ages: devices.flatMap(({ books }) => books.answers.map(({ age }) => age)),
  }
}

/** The 99th percentile of ms from capture; without an answer, 0. */
const latest = ({ ages }: Played) => (ages.length === 0 ? 0 : Math.round(p99(ages)))
const resultsOf = ({ ledgers }: Played) => Object.values(ledgers).reduce((sum, { results }) => sum + results, 0)

/**
 * Four polite devices decode a few pictures a second, alone, and then beside one that takes all it is given and one that
 * sends bombs, offers without chunks, repeats and bad frames: they keep at least 95 % of what they had.
 */
function fairness(nodes: number): Row {
  return {
    name: `fairness on ${nodes} node${nodes === 1 ? '' : 's'}`,
    async run(): Promise<Seen> {
      const server = await natsServer({ binary: await obtainNatsServer() })
      const children: ChildProcess[] = []
      try {
        const names = Array.from({ length: nodes }, (_, n) => `node${n}`)
        children.push(...(await Promise.all(names.map((name) => startProcess(file('decoder'), [server.url, name])))))
        const bytes = await photo()
        const play = () =>
          polite(server.url, ['a', 'b', 'c', 'd'], 3, 20, bytes, (frames) => decoding(framesOf(frames, false)))
        const alone = await play()
        const others = ['greedy', 'bombs'].map((kind) => startProcess(file('hostile'), [server.url, kind]))
        children.push(...(await Promise.all(others)))
        await pause(3000)
        const beside = await play()
        const kept = resultsOf(beside) / resultsOf(alone)
        const died = children.filter(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null).length
        return {
          ledgers: beside.ledgers,
          figures: {
            'answers alone': resultsOf(alone),
            'share kept': Number(kept.toFixed(3)),
            'p99 alone, ms': latest(alone),
            'p99 beside them, ms': latest(beside),
          },
          wrong: [
            ...unbalanced(beside.ledgers),
            ...(kept >= 0.95 ? [] : [`the polite ones kept ${(100 * kept).toFixed(1)} % of what they had`]),
            ...(died === 0 ? [] : [`${died} processes died`]),
          ],
        }
      } finally {
        await Promise.all(children.map(killProcess))
        await server.stop()
      }
    },
  }
}

/** A hundred thousand damaged frames beside honest ones, which lose nothing and are no later than twice as late. */
const fuzz: Row = {
  name: 'fuzzed frames',
  async run(): Promise<Seen> {
    const server = await natsServer({ binary: await obtainNatsServer() })
    const worker = await startProcess(file('worker'), [server.url, 'node', '5'])
    try {
      const bytes = await photo()
      const play = (name: string, seconds: number) =>
        polite(server.url, [name], 20, seconds, bytes, (frames) => flow(framesOf(frames, false), { deadline: 10_000 }))
      const ledgers: Record<string, Ledger> = {}
      const ratios: number[] = []
      for (let round = 0; round < 3; round++) {
        const calm = await play(`calm${round}`, 10)
        const fuzzing = await startProcess(file('hostile'), [server.url, 'fuzz'])
        const disturbed = await play(`disturbed${round}`, 34)
        await killProcess(fuzzing)
        Object.assign(ledgers, calm.ledgers, disturbed.ledgers)
        ratios.push(p99(disturbed.ages) / p99(calm.ages))
      }
      const lost = Object.values(ledgers).reduce((sum, { failures, dropped }) => sum + failures + dropped, 0)
      const ratio = median(ratios)
      return {
        ledgers,
        figures: { 'p99 to undisturbed': Number(ratio.toFixed(2)) },
        wrong: [
          ...unbalanced(ledgers),
          ...(lost === 0 ? [] : [`${lost} honest frames were lost`]),
          ...(ratio <= 2 ? [] : [`p99 was ${ratio.toFixed(2)} times the undisturbed one`]),
        ],
      }
    } finally {
      await killProcess(worker)
      await server.stop()
    }
  },
}

export const neighbours: readonly Row[] = [fairness(1), fairness(3), fuzz]
