import type { Fault } from './link.ts'

/** A network between a device and the nodes it reaches. */
export interface Network {
  /** bit/s from the device; and to it, by default as much. */
  readonly uplink: number
  readonly downlink?: number
  /** Milliseconds there and back, without what bytes take. */
  readonly rtt: number
  /** Milliseconds more each way, anything between 0 and this. Default 0. */
  readonly jitter?: number
  /** Nothing passes. Default false. */
  readonly dead?: boolean
}

/**
 * What a network does to messages, as faults of the device's transport, or of the one transport of a pipeline that runs
 * whole. Each direction is one line with its queue, as a radio's is. Emulated: packets, losses and their repair are not.
 *
 *     const transport = faulty(memoryTransport(), network({ uplink: 8e6, rtt: 40 }), { clock })
 *     transport.use(network({ uplink: 4e5, rtt: 120 }))
 */
export function network({ uplink, downlink = uplink, rtt, jitter = 0, dead = false }: Network): readonly Fault[] {
  const way = jitter === 0 ? rtt / 2 : ([rtt / 2, rtt / 2 + jitter] as const)
  const lost = dead ? { drop: 1 } : {}
  return [
    { at: ['request', 'publish'], bytesPerSecond: uplink / 8, delay: way, ...lost },
    { at: ['answer'], bytesPerSecond: downlink / 8, delay: way, ...lost },
  ]
}
