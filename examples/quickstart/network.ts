import {
  constantRate,
  deadLink,
  type EmulatedLink,
  type LinkShape,
  linkShape,
  type Rate,
  steps,
} from '../../adapters/link/index.ts'
import type { Clock, Timer } from '../../pipeline/index.ts'

/** A stretch of the run during which the link stays of one kind. */
export interface Phase {
  readonly name: string
  /** ms from the first frame. */
  readonly from: number
  readonly to: number
  readonly link: LinkShape
  /** What the phone's radio is meanwhile; energy is counted with it. */
  readonly radio: 'wifi' | '4g'
  /** Mean uplink, bit/s. */
  readonly uplink: number
}

/** One way, ms. */
const wifiDelay = 4
const lteDelay = 22

const wifi = { rate: constantRate(40e6), delay: wifiDelay }

/**
 * Uplink of a drive through T-Mobile's LTE: means of half seconds, Mbit/s, computed from the 20th to the 28th second of
 * the trace `TMobile-LTE-short.up` of Mahimahi (Netravali et al., USENIX ATC'15).
 */
const lteHalfSeconds = [0.63, 0.6, 0.6, 6.06, 2.65, 0.79, 0.82, 4.16, 5.53, 4.14, 3.13, 1.85, 1.42, 4.26, 3.3, 3.68]

/** An LTE uplink as it was recorded, half second by half second. */
export const lte: Rate = steps(
  lteHalfSeconds.map((megabits, index) => ({ at: 500 * index, bitsPerSecond: 1e6 * megabits })),
  'LTE trace',
)

/** The story: good Wi-Fi, then the trace, then nothing for a second, then Wi-Fi again. */
export function story(ms: number, trace: Rate): readonly Phase[] {
  const cellular = linkShape({ up: trace, delay: lteDelay })
  const good = linkShape({ up: wifi.rate, delay: wifi.delay })
  const [walk, gone] = [0.35 * ms, 0.75 * ms]
  const back = Math.min(gone + 1000, 0.9 * ms)
  const ends = ms + 60_000
  return [
    { name: 'Wi-Fi', from: 0, to: walk, link: good, radio: 'wifi', uplink: wifi.rate.mean },
    { name: trace.name, from: walk, to: gone, link: cellular, radio: '4g', uplink: trace.mean },
    { name: 'nothing', from: gone, to: back, link: deadLink, radio: '4g', uplink: trace.mean },
    { name: 'Wi-Fi again', from: back, to: ends, link: good, radio: 'wifi', uplink: wifi.rate.mean },
  ]
}

/** The phase of a moment. */
export function phaseAt(phases: readonly Phase[], ms: number): Phase {
  return phases.find(({ to }) => ms < to) ?? (phases.at(-1) as Phase)
}

/** Makes links play the phases, from now on. Returns what ends that. */
export function play(phases: readonly Phase[], links: readonly EmulatedLink[], clock: Clock): () => void {
  const timers: Timer[] = phases.map(({ from, link }) =>
    clock.after(from, () => {
      for (const one of links) one.use(link)
    }),
  )
  return () => {
    for (const timer of timers) timer.cancel()
  }
}
