import { setTimeout as pause } from 'node:timers/promises'
import { Subject } from 'rxjs'
import { connect, natsServer, obtainNatsServer } from '../../../adapters/nats/index.ts'
import type { Capture } from '../../../adapters/node/index.ts'
import { killProcess, startProcess } from '../../support/process.ts'
import { booked, flow, framesOf } from '../flow.ts'
import { type Break, faultProxy } from '../proxy.ts'
import { type Row, type Seen, unbalanced } from '../row.ts'

/** Frames a second of each device. */
const rate = 20
/** How much longer than the outage a frame may take, ms. */
const budget = 30_000
/** Bytes of a frame. */
const frameBytes = 4096
/** How old live frames may be, and how soon after healing that holds, ms. */
const freshness = 1000

const worker = new URL('../worker.ts', import.meta.url)

/** What is away, and comes back. */
type Outage = Break | 'server away' | 'workers away'

/**
 * Two devices send 20 frames a second each: one has all of them answered and enough time for it, the other live ones.
 * What is between them and two workers is away for some seconds: nothing fails, nothing is answered twice, and a second
 * after it is back the live frames are fresh.
 */
function outage(what: Outage, seconds: number): Row {
  return {
    name: `${what} ${seconds} s`,
    async run(): Promise<Seen> {
      const binary = await obtainNatsServer()
      let server = await natsServer({ binary })
      const { port, url } = server
      const proxy = await faultProxy(port)
      const start = () => Promise.all(['a', 'b'].map((node) => startProcess(worker, [url, node, '5'])))
      let workers = await start()
      const devices = await Promise.all(
        ([false, true] as const).map(async (live) => {
          const frames = new Subject<Capture>()
          const deadline = live ? 5000 : seconds * 1000 + budget
          const transport = await connect({ servers: proxy.url, onFault: () => {} })
          const running = await flow(framesOf(frames, live), { deadline }).device(transport, {
            node: live ? 'live' : 'patient',
          })
          const books = booked(running)
          const read = (async () => {
            for await (const _ of running);
          })()
          return { live, frames, transport, running, books, read }
        }),
      )
      const shooting = setInterval(() => {
        for (const { frames } of devices)
          frames.next({ payload: { form: 'image', at: 'captured', bytes: new Uint8Array(frameBytes) } })
      }, 1000 / rate)
      const away: Record<'server away' | 'workers away', { go(): Promise<void>; back(): Promise<void> }> = {
        'server away': {
          go: () => server.kill(),
          back: async () => {
            server = await natsServer({ binary, port })
          },
        },
        'workers away': {
          go: async () => void (await Promise.all(workers.map(killProcess))),
          back: async () => {
            workers = await start()
          },
        },
      }
      try {
        await pause(3000)
        const happening = what === 'server away' || what === 'workers away' ? away[what] : undefined
        if (happening) await happening.go()
        else proxy.break(what as Break)
        await pause(seconds * 1000)
        if (happening) await happening.back()
        else proxy.heal()
        const healed = performance.now()
        await pause(5000)
        clearInterval(shooting)
        for (const { frames } of devices) frames.complete()
        await Promise.all(devices.map(({ read }) => read))
        const ledgers = Object.fromEntries(
          devices.map(({ live, books }) => [live ? 'live' : 'patient', books.ledger()]),
        )
        const late = (devices[1]?.books.answers ?? []).filter(({ at }) => at >= healed + freshness)
        const oldest = Math.max(0, ...late.map(({ age }) => age))
        return {
          ledgers,
          figures: { 'live answers after healing': late.length, 'oldest of them, ms': Math.round(oldest) },
          wrong: [
            ...unbalanced(ledgers),
            ...(ledgers.patient?.failures === 0 ? [] : [`${ledgers.patient?.failures} failed with budget left`]),
            ...(late.length === 0 ? ['no live frame was answered after healing'] : []),
            ...(oldest <= freshness ? [] : [`a live frame was ${Math.round(oldest)} ms old after healing`]),
          ],
        }
      } finally {
        clearInterval(shooting)
        await Promise.all(devices.map(({ transport }) => transport.drain(0)))
        await Promise.all(workers.map(killProcess))
        await proxy.close()
        await server.stop()
      }
    },
  }
}

const whats: readonly Outage[] = ['reset', 'blackhole', 'held back', 'server away', 'workers away']

export const outages: readonly Row[] = whats.flatMap((what) => [5, 20, 60].map((seconds) => outage(what, seconds)))
