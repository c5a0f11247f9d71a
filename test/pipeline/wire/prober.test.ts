import { describe, expect, it } from 'vitest'
import { memoryBroker } from '../../../adapters/memory/index.ts'
import { Boundary, Events, type Probe } from '../../../pipeline/index.ts'
import { fakeClock } from '../../../pipeline/testing/index.ts'
import { dialectsOf } from '../../../pipeline/wire/dialects.ts'
import { Path } from '../../../pipeline/wire/path.ts'
import { Peers } from '../../../pipeline/wire/peers.ts'
import { Prober } from '../../../pipeline/wire/probe.ts'

/** A prober of a way on which nobody answers; `hear`: what is told of each probe. */
function probing(hear: (probe: Probe) => void, silent = false) {
  const clock = fakeClock()
  const events = new Events()
  const seen: string[] = []
  events.stream.subscribe(({ type }) => seen.push(type))
  const broker = memoryBroker()
  const boundary = Boundary.service('main', 'things')
  if (silent) void broker.connect({ clock }).serve(boundary.any('device.probe'), () => {})
  const transport = broker.connect({ clock })
  const prober = new Prober({
    transport,
    peers: new Peers(dialectsOf(transport), clock),
    boundary,
    source: 'device.probe',
    clock,
    events,
    path: new Path(),
    settings: { every: 10_000, share: 1 },
    stalest: () => undefined,
    onReport: () => {},
    onProbe: hear,
  })
  return { clock, seen, prober }
}

describe('a prober', () => {
  it('whose hearer throws holds up no message, pauses, and probes again', async () => {
    let broken = true
    const heard: Probe[] = []
    const { clock, seen, prober } = probing((probe) => {
      heard.push(probe)
      if (broken) throw new Error('broken')
    })
    prober.passed(1_000, false)
    await clock.advance(10_001)
    broken = false
    prober.passed(1_000, false)
    await clock.advance(1)
    expect(heard).toHaveLength(2)
    expect(seen).toEqual(['restarted'])
    await prober.close()
    expect(clock.pending).toBe(0)
  })

  it('that fails too often is given up: messages go on, and nothing is probed any more', async () => {
    let heard = 0
    const { clock, seen, prober } = probing(() => {
      heard += 1
      throw new Error('broken')
    })
    for (let message = 0; message < 20; message++) {
      prober.passed(1_000, false)
      await clock.advance(10_001)
    }
    expect(seen.at(-1)).toBe('escalated')
    expect(seen.filter((type) => type === 'escalated')).toHaveLength(1)
    const until = heard
    prober.passed(1_000, false)
    await clock.advance(10_001)
    expect(heard).toBe(until)
    expect(clock.pending).toBe(0)
  })

  it('that is closed while nobody has answered ends at once, and leaves no timer', async () => {
    const { clock, seen, prober } = probing(() => {}, true)
    await clock.advance(1)
    prober.passed(1_000, false)
    await clock.advance(1)
    expect(clock.pending).toBe(1)
    await prober.close()
    expect(clock.pending).toBe(0)
    prober.passed(1_000, false)
    expect(seen).toEqual([])
  })
})
