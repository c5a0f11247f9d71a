import { constantRate, EmulatedLink, linkShape, noLink, shaped } from '../../../adapters/link/index.ts'
import { memoryBroker } from '../../../adapters/memory/index.ts'
import { transportContract } from '../../contract/transport.ts'

const maxPayload = 1024 * 1024

for (const [name, shape] of [
  ['no link', noLink],
  ['a fast link', linkShape({ up: constantRate(2e9), delay: 1 })],
] as const) {
  transportContract(`memory, behind ${name}`, async () => {
    const broker = memoryBroker()
    return {
      connect: async ({ report }) =>
        shaped(broker.connect({ maxPayload, onFault: report }), new EmulatedLink(shape), { onFault: report }),
      close: async () => {},
    }
  })
}
