import { inject } from 'vitest'
import { type NatsServer, type NatsServerOptions, natsServer } from '../../adapters/nats/index.ts'

/** A real server for one test file, which stops it. Throws the set-up's line where no binary could be had. */
export async function testServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const nats = inject('nats')
  if ('missing' in nats) throw new Error(nats.missing)
  return natsServer({ binary: nats.binary, ...options })
}
