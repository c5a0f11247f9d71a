import { describe, expect, test } from 'vitest'
import { memoryBroker } from '../../../adapters/memory/index.ts'
import type { Directory, Transport } from '../../../pipeline/index.ts'
import { directoryContract } from '../../contract/directory.ts'
import { manualClock } from '../../support/manual-clock.ts'

const of = async (transport: Transport) => (await transport.directory?.()) as Directory

describe('the directory of a process', () => {
  directoryContract(async () => {
    const broker = memoryBroker()
    return [await of(broker.connect()), await of(broker.connect())]
  })

  test('forgets what was not written again in time', async () => {
    const clock = manualClock()
    const directory = await of(memoryBroker({ clock }).connect())
    await directory.put('a', Uint8Array.of(1))
    await clock.advance(directory.ttl / 2)
    await directory.put('b', Uint8Array.of(2))
    await clock.advance(directory.ttl / 2)
    expect([...(await directory.list()).keys()]).toEqual(['b'])
  })
})
