import type { Resource } from './slowdown.ts'

/** No resource owes more than so many milliseconds: what is older was dropped, or was never as slow as predicted. */
const most = 10_000

/** How many messages each resource works on at once. */
export type Servers = Readonly<Record<Resource, number>>

/**
 * Work that device, uplink and cloud have been given and cannot have done yet, ms: Q ← max(0, Q + t − Δ) with t the time
 * a message takes there and Δ the time that passed (the virtual queue of Neely's drift-plus-penalty). A stream that asks
 * for more than a resource can do builds up debt there, and finds other ways dearer the less they use it.
 */
export class Debt {
  device = 0
  uplink = 0
  cloud = 0
  readonly #servers: Servers
  #at: number | undefined

  constructor(servers: Servers) {
    this.#servers = servers
  }

  /** Lets time pass up to `now`, ms of the local clock. */
  pass(now: number): void {
    const passed = this.#at === undefined ? 0 : Math.max(0, now - this.#at)
    this.#at = now
    this.device = Math.max(0, this.device - passed)
    this.uplink = Math.max(0, this.uplink - passed)
    this.cloud = Math.max(0, this.cloud - passed)
  }

  /** Books the milliseconds a message will take on each. */
  add(device: number, uplink: number, cloud: number): void {
    this.device = Math.min(most, this.device + device / this.#servers.device)
    this.uplink = Math.min(most, this.uplink + uplink / this.#servers.uplink)
    this.cloud = Math.min(most, this.cloud + cloud / this.#servers.cloud)
  }
}
