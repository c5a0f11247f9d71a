import { memoryBroker } from '../../../adapters/memory/index.ts'
import { faulty } from '../../../pipeline/testing/index.ts'
import { transportContract } from '../../contract/transport.ts'

const maxPayload = 1024 * 1024

transportContract('memory', async () => {
  const broker = memoryBroker()
  return {
    connect: async ({ report }) => broker.connect({ maxPayload, onFault: report }),
    close: async () => {},
  }
})

transportContract('memory, seen through no faults', async () => {
  const broker = memoryBroker()
  return {
    connect: async ({ report }) => faulty(broker.connect({ maxPayload, onFault: report }), [], { onFault: report }),
    close: async () => {},
  }
})

transportContract('memory, all of it bytes', async () => {
  const broker = memoryBroker()
  return {
    connect: async ({ report }) => broker.connect({ maxPayload, onFault: report, handsOver: false }),
    close: async () => {},
  }
})
