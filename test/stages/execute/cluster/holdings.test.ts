import { describe, expect, test } from 'vitest'
import { memoryBroker } from '../../../../adapters/memory/index.ts'
import {
  Boundary,
  Events,
  packFrame,
  Responder,
  systemClock,
  type Transport,
  webPlatform,
} from '../../../../pipeline/index.ts'
import { type CacheHost, modelCache } from '../../../../stages/execute/cache/index.ts'
import { Holdings } from '../../../../stages/execute/cluster/holdings.ts'
import { ModelKeys } from '../../../../stages/execute/cluster/keys.ts'
import { entry, modelsWithoutFiles } from '../../../support/models.ts'

const models = modelsWithoutFiles(['a', 'b', 'c'].map((id, at) => entry(id, { sha256: `${at}`.repeat(64) })))
const keys = new ModelKeys('main', 'flowers', models)

/** Whether anybody takes messages for a model now. */
function served(transport: Transport, model: string): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (is: boolean) => {
      conversation.close()
      resolve(is)
    }
    const subject = keys.of(model).boundary.any('phone.main')
    const conversation = transport.request(subject, packFrame({ kind: 'probe' }), {
      onReply: () => end(true),
      onError: () => end(false),
    })
  })
}

async function node() {
  const broker = memoryBroker()
  const [transport, other] = [broker.connect(), broker.connect()]
  const events = new Events()
  const holdings = new Holdings({ clock: systemClock, events, onChanged: () => {} })
  /** Whether the model could still be reached when its memory was freed. */
  const freed: { key: string; reachable: boolean }[] = []
  const host: CacheHost = {
    load: async (_executor, model) => ({ ms: 1, residentBytes: model.bytes }),
    unload: async (_executor, key) => {
      freed.push({ key, reachable: await served(other, key) })
    },
  }
  const cache = modelCache({ host: holdings.guard(host), budget: 2.5, guard: 0 })
  const responder = await Responder.open({
    transport,
    boundary: Boundary.service('main', 'flowers'),
    node: 'one',
    side: 'cloud',
    platform: webPlatform,
    clock: systemClock,
    events,
    capacity: 8,
    group: false,
    accept: () => {},
  })
  for (const id of models.ids) holdings.know(models.source(id), keys.of(id))
  cache.up('x')
  const load = async (id: string) => (await cache.lease(models.source(id))).release()
  return { holdings, cache, responder, freed, load, served: (id: string) => served(other, id) }
}

describe('a node takes messages for a model', () => {
  test('from when its copy is ready until before its memory is freed, and no longer', async () => {
    const { holdings, cache, responder, freed, load, served } = await node()
    await load('a')
    expect(await served('a')).toBe(false)
    await holdings.open(cache, responder)
    // What was there before it joined counts, too.
    expect(await served('a')).toBe(true)
    expect(await served('b')).toBe(false)
    await load('b')
    expect(await served('b')).toBe(true)
    // There is room for two: one has to go.
    await load('c')
    await expect.poll(() => freed.length).toBe(1)
    const [gone] = freed
    expect(gone).toMatchObject({ reachable: false })
    const held = models.ids.filter((id) => id !== gone?.key)
    for (const id of held) expect(await served(id)).toBe(true)
    expect(await served(gone?.key as string)).toBe(false)
    await load(gone?.key as string)
    await expect.poll(() => served(gone?.key as string)).toBe(true)
    await holdings.close()
    for (const id of models.ids) expect(await served(id)).toBe(false)
    cache.close()
    await responder.close()
  })

  test('no longer once the executor that had it has died', async () => {
    const { holdings, cache, responder, load, served } = await node()
    await holdings.open(cache, responder)
    await load('a')
    expect(await served('a')).toBe(true)
    cache.down('x')
    holdings.look()
    await expect.poll(() => served('a')).toBe(false)
    cache.up('x')
    await load('a')
    await expect.poll(() => served('a')).toBe(true)
    await holdings.close()
    cache.close()
    await responder.close()
  })
})
