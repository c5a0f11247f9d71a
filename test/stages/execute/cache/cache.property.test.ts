import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ModelLoadFailed } from '../../../../pipeline/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import {
  ageing,
  type CacheStatistics,
  costDirect,
  gdsf,
  hitDensity,
  type Lease,
  type ModelCache,
  modelCache,
} from '../../../../stages/execute/cache/index.ts'
import type { ModelSource } from '../../../../stages/manage/index.ts'
import { manualClock, settled } from '../../../support/manual-clock.ts'
import { FakeHost, modelOf } from './fake-host.ts'

const sizes = [10, 20, 30, 45, 60, 80]
const models = sizes.map((bytes, index) => modelOf(`m${index}`, bytes))
const budget = 150
const longestWait = 2_000

const model = fc.nat(models.length - 1)
type Step =
  | { readonly do: 'lease'; readonly model: number; readonly expires: number | undefined; readonly times: number }
  | { readonly do: 'by-alias' | 'move' | 'pin' | 'unpin' | 'prefetch' | 'evict'; readonly model: number }
  | { readonly do: 'release' | 'give-up' | 'down' | 'advance'; readonly by: number }
  | { readonly do: 'up' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('lease' as const),
      model,
      expires: fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('release' as const), by: fc.nat() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('advance' as const), by: fc.integer({ min: 0, max: 60 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'by-alias' as const,
        'move' as const,
        'pin' as const,
        'unpin' as const,
        'prefetch' as const,
        'evict' as const,
      ),
      model,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('give-up' as const, 'down' as const), by: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'up' as const }) },
)

interface Scenario {
  readonly seed: number
  /** Chance that a load, an unload fails. */
  readonly failing: number
  /** Factor between what a model needs and what its file says. */
  readonly growth: number
  readonly policy: number
  readonly steps: readonly Step[]
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(),
  failing: fc.constantFrom(0, 0, 0.2),
  growth: fc.constantFrom(1, 1, 1.4),
  policy: fc.nat(3),
  steps: fc.array(step, { minLength: 5, maxLength: 80 }),
})

/** One cache between random calls and a random host; checked after everything that happens. */
class World {
  readonly clock = manualClock(10_000)
  readonly host: FakeHost
  readonly cache: ModelCache
  readonly held = new Set<Lease>()
  readonly #growth: number
  readonly #requests: Promise<unknown>[] = []
  readonly #givers: AbortController[] = []
  #settledRequests = 0
  #executors: string[] = []
  #started = 0
  /** Bytes used whenever a model came or went, since the last check. */
  #during: number[] = []
  readonly #byAlias = new Set<Lease>()
  #moves = 0
  /** The version of the alias, while no move is under way. */
  #version: string | undefined

  constructor({ seed, failing, growth, policy }: Scenario) {
    const random = seededRandom(seed)
    this.#growth = growth
    this.host = new FakeHost({
      clock: this.clock,
      loadMs: () => {
        if (random() < failing) throw new ModelLoadFailed('chance')
        return 1 + 50 * random()
      },
      unloadMs: () => 20 * random(),
      beforeUnload: () => {
        if (random() < failing / 4) throw new Error('chance')
      },
      residentBytes: ({ bytes }) => bytes * growth,
    })
    const policies = [hitDensity, ageing, gdsf, costDirect]
    this.cache = modelCache({
      host: this.host,
      clock: this.clock,
      budget,
      bytesPerFileByte: 1,
      longestWait,
      longestUnload: 10_000,
      patience: 30,
      policy: (policies[policy] ?? hitDensity)(),
    })
    this.cache.watch((event) => {
      if (event.type === 'evicted' || event.type === 'loaded') this.#during.push(this.cache.statistics().usedBytes)
    })
    this.up()
    this.up()
  }

  up(): void {
    const id = `x${++this.#started}`
    this.#executors.push(id)
    this.host.up(id)
    this.cache.up(id)
  }

  do(step: Step): void {
    switch (step.do) {
      case 'lease':
        for (let each = 0; each < step.times; each++) this.#lease(this.#model(step.model), step.expires)
        return
      case 'by-alias':
        return this.#lease('alias', undefined)
      case 'move':
        return this.#move(this.#model(step.model))
      case 'pin':
        return void this.#wait(this.cache.pin(this.#model(step.model)))
      case 'unpin':
        return this.cache.unpin(this.#model(step.model))
      case 'prefetch':
        return void this.#wait(this.cache.prefetch(this.#model(step.model)))
      case 'evict':
        this.cache.evict(this.#model(step.model))
        return
      case 'release': {
        const lease = [...this.held][step.by % Math.max(1, this.held.size)]
        if (lease) this.#release(lease)
        return
      }
      case 'give-up':
        return this.#givers[step.by % Math.max(1, this.#givers.length)]?.abort()
      case 'down':
        return this.#down(step.by)
      case 'up':
        return this.up()
      case 'advance':
        return
    }
  }

  check(): void {
    const { copies, usedBytes, ...statistics } = this.cache.statistics()
    const sum = copies.reduce((total, { bytes }) => total + bytes, 0)
    expect(usedBytes).toBeCloseTo(sum, 6)
    // What was reserved is never more than the budget; only what turned out larger is.
    for (const used of [usedBytes, ...this.#during.splice(0)]) {
      expect(used).toBeLessThanOrEqual(budget * this.#growth + 1e-6)
    }
    expect(this.host.bytes).toBeLessThanOrEqual(usedBytes + 1e-6)
    for (const lease of this.held) expect(this.host.holds(lease.executor, lease.model)).toBe(true)
    expect(this.host.violations).toEqual([])
    addUp(statistics)
  }

  /** Releases everything, lets all time pass that anything may take. */
  async end(): Promise<void> {
    for (const each of models) this.cache.unpin(each)
    for (let round = 0; round < 6; round++) {
      for (const lease of this.held) this.#release(lease)
      await this.clock.advance(longestWait)
    }
    for (const lease of this.held) this.#release(lease)
    await settled()
    this.check()
    expect(this.#settledRequests).toBe(this.#requests.length)
    const { waiting, copies, usedBytes } = this.cache.statistics()
    expect({ waiting, leases: copies.reduce((sum, { leases }) => sum + leases, 0) }).toEqual({ waiting: 0, leases: 0 })
    const stuck = copies.filter(({ state }) => state === 'stuck').reduce((sum, { bytes }) => sum + bytes, 0)
    if (stuck === 0) expect(usedBytes).toBeLessThanOrEqual(budget)
    this.cache.close()
    await settled()
    expect(this.clock.pending).toBe(0)
  }

  #model(index: number): ModelSource {
    return models[index] as ModelSource
  }

  #lease(wanted: ModelSource | string, expires: number | undefined): void {
    const giveUp = new AbortController()
    this.#givers.push(giveUp)
    const options = { signal: giveUp.signal, ...(expires === undefined ? {} : { expires: this.clock.now() + expires }) }
    const request = this.cache.lease(wanted, options).then((lease) => {
      if (wanted === 'alias') this.#byAlias.add(lease)
      if (wanted === 'alias' && this.#version !== undefined) expect(lease.model.key).toBe(this.#version)
      if (this.#executors.includes(lease.executor)) this.held.add(lease)
      else this.#release(lease)
    })
    this.#wait(request)
  }

  #move(to: ModelSource): void {
    const move = ++this.#moves
    this.#version = undefined
    const moved = this.cache.alias('alias', to).then(() => {
      if (move !== this.#moves) return
      this.#version = to.key
      for (const lease of this.#byAlias) expect(lease.model.key).toBe(to.key)
    })
    this.#wait(moved)
  }

  #wait(request: Promise<unknown>): void {
    this.#requests.push(request)
    request.then(
      () => {
        this.#settledRequests += 1
      },
      (error) => {
        if (!(error instanceof Error) || error.name === 'AssertionError') throw error
        this.#settledRequests += 1
      },
    )
  }

  #release(lease: Lease): void {
    this.held.delete(lease)
    this.#byAlias.delete(lease)
    lease.release(5)
  }

  #down(by: number): void {
    const id = this.#executors[by % Math.max(1, this.#executors.length)]
    if (id === undefined) return
    this.#executors = this.#executors.filter((other) => other !== id)
    for (const lease of this.held) if (lease.executor === id) this.#release(lease)
    this.host.down(id)
    this.cache.down(id)
  }
}

function addUp({
  requests,
  hits,
  cold,
  refused,
  failed,
  givenUp,
  waiting,
}: Pick<CacheStatistics, 'requests' | 'hits' | 'cold' | 'refused' | 'failed' | 'givenUp' | 'waiting'>): void {
  const all = Object.values(refused).reduce((sum, count) => sum + count, 0)
  expect(hits + cold + all + failed + givenUp + waiting).toBe(requests)
}

it('whatever happens in whatever order: the leased stay, the budget holds, all requests settle, and counts add up', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const world = new World(given)
      for (const step of given.steps) {
        world.do(step)
        await settled()
        world.check()
        if (step.do === 'advance') await world.clock.advance(step.by)
        world.check()
      }
      await world.end()
    }),
    { numRuns: 300 },
  )
})
