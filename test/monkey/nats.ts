import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type NatsServer } from '../../adapters/nats/index.ts'
import { systemClock } from '../../pipeline/index.ts'
import type { Place } from './run.ts'
import type { Scene } from './scene.ts'

/** Over a server, where time passes by itself. */
export function natsPlace(server: NatsServer): Place {
  return {
    clock: systemClock,
    async pass(ms) {
      await sleep(ms)
    },
    connect: () => connect({ servers: server.url, onFault: () => {} }),
    patience: 60_000,
    step: 10,
  }
}

/** The scene in less time: what waits for deadlines waits for them here. */
export function hurried(scene: Scene): Scene {
  const { options } = scene
  const atMost = (name: string, most: number) =>
    typeof options[name] === 'number' && (options[name] as number) > most ? { [name]: most } : {}
  return {
    ...scene,
    transport: scene.transport === 'embedded' ? 'halves' : scene.transport,
    captures: scene.captures.slice(0, 16),
    options: { ...options, ...atMost('deadline', 150), ...atMost('patience', 150) },
    happenings: scene.happenings.map((one) => ({ ...one, at: one.at / 4 })),
  }
}
