import { type CacheEvent, lru, type ModelCacheOptions, modelCache } from '../../../../stages/execute/cache/index.ts'
import { manualClock } from '../../../support/manual-clock.ts'
import { FakeHost, type FakeHostOptions } from './fake-host.ts'

/** A cache of 250 bytes that predicts exactly and evicts the least recently used, on fake executors and a fake clock. */
export function setUp(
  options: Partial<ModelCacheOptions> & { executors?: readonly string[] } = {},
  hostOptions: Partial<FakeHostOptions> = {},
) {
  const { executors = ['one'], ...rest } = options
  const clock = manualClock(1_000)
  const host = new FakeHost({ clock, ...hostOptions })
  const cache = modelCache({ budget: 250, bytesPerFileByte: 1, policy: lru(), guard: 0, clock, ...rest, host })
  const events: CacheEvent[] = []
  cache.watch((event) => events.push(event))
  const up = (executor: string) => {
    host.up(executor)
    cache.up(executor)
  }
  const down = (executor: string) => {
    host.down(executor)
    cache.down(executor)
  }
  for (const executor of executors) up(executor)
  const types = () => events.map(({ type }) => type)
  return { cache, host, clock, events, types, up, down }
}
