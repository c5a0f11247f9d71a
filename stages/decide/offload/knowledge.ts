import { z } from 'zod'
import type { Cut, DecisionRequest, Outcome, Target, World } from '../../../pipeline/index.ts'
import type { Models } from '../../manage/index.ts'
import { learned, savedOf } from '../estimate/restore.ts'
import { Location } from './location.ts'
import { byLink, network } from './network.ts'
import type { OffloadSettings } from './options.ts'
import type { Underway } from './pending.ts'

const saved = learned(
  'offload()',
  1,
  z.strictObject({
    here: z.unknown(),
    targets: z.record(z.string(), z.unknown()),
    preparedBytes: z.number().min(0).optional(),
  }),
)

/** How quickly the expected size of prepared pictures follows. */
const sizeRate = 0.2
/** Errors that tell of the whole target; others tell of one model there. */
const ofTarget: ReadonlySet<string> = new Set([
  'no-responders',
  'node-lost',
  'transport-closed',
  'version-mismatch',
  'deadline-exceeded',
])
/** Errors that tell of the message alone. */
const ofMessage: ReadonlySet<string> = new Set([
  'cancelled',
  'damaged',
  'bad-input',
  'bad-message',
  'too-large',
  'wrong-shape',
])

/** What is known of this side, of every target, and of the ways there. */
export class Knowledge {
  readonly here = new Location()
  readonly #targets = new Map<Target, Location>()
  readonly #options: OffloadSettings
  #preparedBytes: number | undefined

  constructor(options: OffloadSettings) {
    this.#options = options
  }

  at(target: Target): Location {
    let location = this.#targets.get(target)
    if (!location) {
      location = new Location(target, network(this.#options.network, this.#options.link))
      this.#targets.set(target, location)
    }
    return location
  }

  /** Bytes over the wire by a cut; what is prepared is taken to be as large as others were. */
  bytes(cut: Cut, { bytes, at }: DecisionRequest): number {
    return cut === 'prepared' && at === 'captured' ? (this.#preparedBytes ?? bytes) : bytes
  }

  /** Milliseconds on the wire; 0 while nobody knows anything of it: the first message finds out. */
  wire(location: Location, bytes: number, now: number, world: World): number {
    const own = location.network?.mean(bytes)
    const age = location.network?.age(now) ?? Number.POSITIVE_INFINITY
    if (own !== undefined && age <= this.#options.link.staleAfter) return own
    const fact = world.get('link')
    const told = fact && now - fact.at < age ? byLink(fact.value, bytes) : undefined
    return told ?? own ?? 0
  }

  /** Learns from an attempt that ended. @param underway what was decided of it, where this decider did */
  observe(outcome: Outcome, underway: Underway | undefined, models: Models): void {
    const { plan, crossing, kind, side } = outcome
    const crosses = crossing !== undefined || (plan.cut !== undefined && plan.cut !== 'answered')
    const location = underway?.location ?? (side === 'device' && crosses ? this.at(plan.target ?? 'any') : this.here)
    const known = plan.model !== undefined && models.ids.includes(plan.model) ? plan.model : undefined
    if (kind === 'message') this.#answered(outcome, location, known, models)
    else if (kind === 'failure' && known !== undefined) this.#failed(outcome, location, known, underway, models)
  }

  /** What was learned, as plain JSON. */
  save(): unknown {
    return saved.write({
      here: this.here.save(),
      targets: Object.fromEntries([...this.#targets].map(([target, location]) => [target, location.save()])),
      ...(this.#preparedBytes === undefined ? {} : { preparedBytes: this.#preparedBytes }),
    })
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown, models: Models): void {
    const { here, targets, preparedBytes } = saved.read(from, savedOf('offload()'))
    this.here.restore(here, models)
    this.#targets.clear()
    for (const [target, location] of Object.entries(targets)) this.at(target as Target).restore(location, models)
    this.#preparedBytes = preparedBytes
  }

  #answered(
    { timings, crossing, side, now }: Outcome,
    location: Location,
    model: string | undefined,
    models: Models,
  ): void {
    const { device = 0, cloud = 0, transfer, execute, load = 0, queue = 0 } = timings
    const there = side === 'device' && crossing !== undefined
    if (there) {
      if (transfer !== undefined) location.network?.observe(crossing.node, crossing.bytes, transfer, now)
      if (crossing.at === 'prepared') {
        const before = this.#preparedBytes ?? crossing.bytes
        this.#preparedBytes = before + sizeRate * (crossing.bytes - before)
      }
      location.observeRest(crossing.at, device + cloud)
    } else location.observeRest('answered', side === 'device' ? device : cloud)
    if (model === undefined || execute === undefined) return
    // What waits on this side is told by what is under way; what waits over there is part of what it takes there.
    const run = Math.max(0, execute - load - (location === this.here ? queue : 0))
    location.answered(location.endpoint(model, models), run, load, now)
  }

  #failed(
    { error, now, retryAfter }: Outcome,
    location: Location,
    model: string,
    underway: Underway | undefined,
    models: Models,
  ): void {
    const { coldFor, margin } = this.#options
    // What was given up when its message's time was over is as late as can be.
    const late = error === 'cancelled' && underway !== undefined && now >= underway.expires - margin
    const code = late ? 'deadline-exceeded' : error
    if (code === undefined || ofMessage.has(code)) return
    const endpoint = location.endpoint(model, models)
    if (location !== this.here && ofTarget.has(code)) location.coolUntil(now + coldFor)
    else if (code !== 'deadline-exceeded') endpoint.coldUntil = now + (retryAfter ?? coldFor)
    else if (underway && now > underway.ends) endpoint.runs.add(now - underway.from)
  }
}
