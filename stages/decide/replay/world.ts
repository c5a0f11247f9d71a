import { World, type WorldFacts } from '../../../pipeline/index.ts'
import { dated, type LoggedWorld } from '../log/index.ts'

/** The world as it was known then: facts are as old as they were. */
export class ReplayedWorld {
  #now = 0
  readonly #world = new World({ now: () => this.#now, after: () => ({ cancel() {} }) })

  /** As it was at local time `now`, ms; what is not given stays. */
  at(now: number, facts: LoggedWorld): World {
    for (const field of Object.keys(facts) as (keyof LoggedWorld)[]) {
      const fact = facts[field]
      if (!fact) continue
      this.#now = now - fact.age
      const value = field === 'clouds' ? cloudsOf(facts, now) : fact.value
      this.#world.set(field, value as never, fact.owner)
    }
    this.#now = now
    return this.#world
  }
}

function cloudsOf({ clouds }: LoggedWorld, now: number): WorldFacts['clouds'] {
  return new Map(clouds?.value.map((fact) => [fact.value.node, dated(fact, now)]))
}
