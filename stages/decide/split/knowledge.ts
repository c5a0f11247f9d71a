import { z } from 'zod'
import { type CloudLoad, type Fact, type Link, layerOf, type Outcome, type World } from '../../../pipeline/index.ts'
import type { CutCosts } from '../estimate/cuts.ts'
import { LinkEstimate } from '../estimate/link.ts'
import { LoadEstimate } from '../estimate/load.ts'
import { PreparingTime } from '../estimate/preparing.ts'
import { Regression } from '../estimate/regression.ts'
import { learned, savedOf } from '../estimate/restore.ts'
import { RunTimes } from '../estimate/runs.ts'
import { type Conditions, plain } from './objective.ts'
import type { Settings } from './options.ts'
import { Writings } from './writings.ts'

const saved = learned(
  'split()',
  1,
  z.strictObject({
    link: z.unknown(),
    load: z.unknown(),
    runs: z.unknown(),
    device: z.unknown(),
    cloud: z.unknown(),
    rest: z.unknown(),
    writings: z.unknown(),
    prepared: z.record(z.string(), z.number().min(0)),
  }),
)

/** Bytes per pixel of a prepared picture, as a first guess. */
const guessedBytes: Readonly<Record<string, number>> = { jpeg: 0.5, webp: 0.35, raw: 3, tensor: 12 }
/** A crossing of so many bytes tells of the rate, and as often as this it is believed whatever was known. */
const telling = 100_000
const believed = 4
/** How quickly the size of prepared pictures follows. */
const rate = 0.2

/** What split() has learned of device, link and cloud, from outcomes and from the world's facts. */
export class Knowledge {
  readonly link: LinkEstimate
  readonly load: LoadEstimate
  readonly runs = new RunTimes()
  readonly writings = new Writings()
  readonly #device = new PreparingTime()
  readonly #cloud = new PreparingTime()
  /** What the cloud still has to do to a prepared picture, by its megabytes. */
  readonly #rest = new Regression({ size: 2 })
  readonly #x = new Float64Array([1, 0])
  readonly #prepared = new Map<string, number>()
  readonly #slower: number
  readonly #staleAfter: number
  /** The link fact that was heard last. */
  #heard = Number.NEGATIVE_INFINITY
  #uplink: number | undefined
  /** Bytes of the last crossing. */
  #carried: number | undefined

  constructor({ link, cloud, slower }: Settings) {
    this.link = new LinkEstimate(link)
    this.load = new LoadEstimate(cloud)
    this.#slower = slower
    this.#staleAfter = link.staleAfter ?? 5000
  }

  /**
   * Sets what holds for a model towards a node, or towards whichever answers where none is named.
   * @returns whether anything is known of the way there
   */
  conditions(to: Conditions, world: World, now: number, model: string, node: string | undefined): boolean {
    to.device = this.deviceFactor(model, world)
    to.cloud = this.runs.cloud(model, node) * this.load.factor(now, node)
    const facts = world.value('link')
    const edge = node !== undefined && this.link.knows(node) ? node : this.link.edge
    to.downlink = facts?.downlink ?? facts?.uplink ?? 1e6
    const perCrossing = this.link.mean(0, edge)
    if (perCrossing !== undefined) {
      to.perCrossing = perCrossing
      to.perByte = ((this.link.mean(1e6, edge) as number) - perCrossing) / 1e6
      return true
    }
    to.perCrossing = facts?.rtt ?? 0
    to.perByte = facts?.uplink === undefined ? 0 : 8000 / facts.uplink
    return facts?.uplink !== undefined
  }

  deviceFactor(model: string, world: World): number {
    return this.runs.runs.device === 0 ? this.#slower : this.runs.device(model, beside(world))
  }

  /**
   * One crossing does not tell the round trip from the rate: its bytes where the edge that answers has had no other, so
   * that one unlike it may follow. Undefined otherwise.
   */
  get lonely(): number | undefined {
    return this.link.count === 1 ? this.#carried : undefined
  }

  /** Milliseconds of preparing on the device. */
  preparesHere(bytes: number, width: number | undefined, height: number | undefined): number {
    return this.#device.mean(bytes, width, height) ?? 0
  }

  /** Milliseconds of preparing in the cloud what comes as it was captured. */
  preparesThere(bytes: number, width: number | undefined, height: number | undefined): number {
    return this.#cloud.mean(bytes, width, height) ?? 0
  }

  /** Milliseconds the cloud still needs for a prepared picture. */
  unpacksThere(bytes: number): number {
    this.#x[1] = bytes / 1e6
    return this.#rest.mean(this.#x)
  }

  /** Bytes of a picture prepared for an input of so many pixels. */
  preparedBytes(encoding: string, pixels: number): number {
    return this.#prepared.get(`${encoding} ${pixels}`) ?? (guessedBytes[encoding] ?? 1) * pixels
  }

  /** What nodes said of their load, and probes of the link, that was not heard yet. */
  hear(world: World, now: number): void {
    this.#hearLink(world.get('link'), now)
    const said = world.value('clouds')
    if (said) for (const fact of said.values()) this.#hear(fact)
    this.#hear(world.get('cloud'))
  }

  /** @param costs of the outcome's model · @param pixels of its input */
  observe(outcome: Outcome, world: World, costs: CutCosts, pixels: number): void {
    const { kind, crossing, timings, bytes, width, height, now, plan, error } = outcome
    if (kind === 'failure' && (error === 'deadline-exceeded' || error === 'node-lost')) this.#observeLoss(outcome)
    if (kind !== 'message') return
    const { device, cloud = 0, transfer } = timings
    if (device !== undefined && crossing?.at !== 'captured') this.#device.observe(bytes, width, height, device)
    if (crossing && transfer !== undefined) {
      this.link.observe(crossing.node, crossing.bytes, transfer, now)
      this.#carried = crossing.bytes
    }
    if (crossing?.at === 'captured') this.#cloud.observe(bytes, width, height, cloud)
    if (crossing?.at === 'prepared') {
      this.#x[1] = crossing.bytes / 1e6
      this.#rest.observe(this.#x, cloud)
      const key = `${crossing.encoding} ${pixels}`
      const before = this.#prepared.get(key) ?? crossing.bytes
      if (this.#prepared.size < 64 || this.#prepared.has(key))
        this.#prepared.set(key, before + rate * (crossing.bytes - before))
    }
    if (plan.model !== undefined) this.#observeRuns(outcome, world, costs, plan.model)
  }

  save(): unknown {
    return saved.write({
      link: this.link.save(),
      load: this.load.save(),
      runs: this.runs.save(),
      device: this.#device.save(),
      cloud: this.#cloud.save(),
      rest: this.#rest.save(),
      writings: this.writings.save(),
      prepared: Object.fromEntries(this.#prepared),
    })
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { link, load, runs, device, cloud, rest, writings, prepared } = saved.read(from, savedOf('split()'))
    this.link.restore(link)
    this.load.restore(load)
    this.runs.restore(runs)
    this.#device.restore(device)
    this.#cloud.restore(cloud)
    this.#rest.restore(rest)
    this.writings.restore(writings)
    this.#prepared.clear()
    for (const [key, bytes] of Object.entries(prepared)) this.#prepared.set(key, bytes)
  }

  /**
   * A link that nothing crossed for long may have changed, and only probes tell: what they found counts as crossings,
   * repeated until it is believed. Facts that come with crossings say nothing more than those.
   */
  #hearLink(fact: Fact<Link> | undefined, now: number): void {
    const { edge } = this.link
    if (!fact || fact.at <= this.#heard || edge === undefined) return
    const { uplink, rtt } = fact.value
    const changed = uplink !== this.#uplink
    this.#heard = fact.at
    this.#uplink = uplink
    if (fact.at - (now - this.link.age(now)) < this.#staleAfter || rtt === undefined) return
    for (let i = 0; i < believed; i++) this.link.observe(edge, 0, rtt, fact.at)
    // The rate may be older than the round trip.
    if (uplink === undefined || !changed) return
    const ms = rtt + (telling * 8000) / uplink
    for (let i = 0; i < believed; i++) this.link.observe(edge, telling, ms, fact.at)
  }

  #hear(fact: Fact<CloudLoad> | undefined): void {
    if (fact?.value.slowdown !== undefined) this.load.observe(fact.value.node, fact.value.slowdown, fact.at)
  }

  /** Where a model ran, how long, and against which reference. Loads are no runs; waiting for an executor is. */
  #observeRuns({ timings, crossing, now }: Outcome, world: World, costs: CutCosts, model: string): void {
    const { execute, load = 0, head = 0 } = timings
    if (execute === undefined) return
    const whole = costs.before.at(-1) as number
    const others = beside(world)
    if (!crossing) {
      this.runs.observeDevice(model, whole, 1, execute - load, others)
      return
    }
    const j = costs.indexOf(crossing.at) ?? -1
    if (j < 0) return
    const layer = layerOf(crossing.at)
    if (layer !== undefined) {
      const floats = costs.floats[j] as number
      const { encode } = this.writings.of(crossing.encoding) ?? plain
      this.writings.observe(crossing.encoding, floats, crossing.bytes - ((costs.bytes[j] as number) - floats))
      const before = (costs.before[j] as number) + encode * floats
      this.runs.observeDevice(model, before, costs.share(j), head, others)
    }
    const behind = costs.behind[j] as number
    const k = this.load.factor(now, crossing.node)
    const share = whole > 0 ? behind / whole : 0
    this.runs.observeCloud(model, crossing.node, behind, share, (execute - load - head) / k)
  }

  /** A message that did not get through in time would have taken longer: on a link that is too slow nothing else tells. */
  #observeLoss({ plan, timings, bytes, latency, now }: Outcome): void {
    // A stage through which it only passed has booked 0.
    if (plan.cut !== 'captured' || timings.execute) return
    this.link.observeAtLeast(bytes, latency - (timings.capture ?? 0) - (timings.device ?? 0), now)
  }
}

/** Messages in flight besides the one that is decided about. */
function beside(world: World): number {
  return Math.max(0, (world.value('inFlight') ?? 1) - 1)
}
