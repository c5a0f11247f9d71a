import { connect } from '../../../adapters/nats/index.ts'
import { transportContract } from '../../contract/transport.ts'
import { testServer } from '../../support/nats.ts'

transportContract('nats', async () => {
  const server = await testServer()
  return {
    connect: ({ report }) => connect({ servers: server.url, onFault: report }),
    close: () => server.stop(),
  }
})
