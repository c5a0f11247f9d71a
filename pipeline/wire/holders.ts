import type { Clock } from '../clock.ts'

/** A process that was silent for so long, ms, no longer counts. */
const lately = 60_000
/** Names come off the wire. */
const mostDevices = 1024
/** Processes of one name that are told apart. */
const mostRuns = 4

interface Run {
  /** Numbers of its first and its latest message among all. */
  readonly first: number
  latest: number
  /** Local clock, ms: of its latest message, and when it was told that it is not alone. */
  at: number
  told: number
}

/**
 * Which processes send under a device's name. One after the other is a device that was started anew; two in turn are two
 * devices of one name, which was not meant.
 */
export class Holders {
  readonly #clock: Clock
  readonly #devices = new Map<string, Map<string, Run>>()
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes note of a message. @returns whether its sender is to be told that another uses its name: once a minute */
  shared(device: string, run: string): boolean {
    const now = this.#clock.now()
    const runs = this.#devices.get(device) ?? this.#begin(device)
    const count = ++this.#count
    let mine = runs.get(run)
    if (!mine) {
      const [oldest] = runs.size >= mostRuns ? runs.keys() : []
      if (oldest !== undefined) runs.delete(oldest)
      mine = { first: count, latest: count, at: now, told: Number.NEGATIVE_INFINITY }
      runs.set(run, mine)
    }
    mine.latest = count
    mine.at = now
    if (runs.size === 1 || now - mine.told < lately) return false
    for (const other of runs.values()) {
      const inTurn = other.latest > mine.first && mine.latest > other.first
      if (other === mine || !inTurn || now - other.at >= lately) continue
      mine.told = now
      return true
    }
    return false
  }

  #begin(device: string): Map<string, Run> {
    const [oldest] = this.#devices.size >= mostDevices ? this.#devices.keys() : []
    if (oldest !== undefined) this.#devices.delete(oldest)
    const runs = new Map<string, Run>()
    this.#devices.set(device, runs)
    return runs
  }
}
