import { z } from 'zod'
import type { Cut, Decider, DecisionRequest, Explanation, Menu, Outcome, Probe, Weighed } from '../../pipeline/index.ts'
import { readOptions } from '../../pipeline/index.ts'
import { LinkEstimate } from './estimate/link.ts'
import { PreparingTime } from './estimate/preparing.ts'
import { Regression } from './estimate/regression.ts'
import { learned, savedOf } from './estimate/restore.ts'

/** A count of messages; Infinity: never. */
const count = z.number().min(1)

const settings = z.strictObject({
  /** Pictures of at most so many bytes are sent as they are. Default: the size that prepared ones had so far. */
  smallBytes: z.number().min(0).optional(),
  /** Pictures whose width or height is below so many pixels are sent as they are. Default 0: none. */
  smallSide: z.number().min(0).default(0),
  /** The first so many messages each way are for learning. Default 2. */
  warmup: z.number().int().min(0).default(2),
  /** The way not taken is tried at least every so many messages. Default 100; Infinity never. */
  tryEvery: count.or(z.literal(Number.POSITIVE_INFINITY)).default(100),
  /** … and at most every so many, while its cost is too uncertain to be ruled out. Default 10; Infinity never. */
  tryAtMostEvery: count.or(z.literal(Number.POSITIVE_INFINITY)).default(10),
  /**
   * What tries may cost over the better way, as a share of the time that all messages take: dear ones wait until they
   * are affordable, or until a picture comes for which they are cheap. Default 0.001.
   */
  tryShare: z.number().min(0).default(0.001),
  link: z
    .strictObject({
      /** Milliseconds after which what is known of an edge is stale. Default 5000. */
      staleAfter: z.number().positive().optional(),
      /** Edges remembered. Default 32. */
      remember: z.number().int().min(1).optional(),
    })
    .default({}),
})

export type PlaceOptions = z.input<typeof settings>

/** The two ways of PieSlicer, and what each is expected to cost. */
export interface Place extends Decider {
  /**
   * Milliseconds expected for preparing a picture on the device (`local`) or in the cloud (`remote`), transfer
   * included; undefined where nothing was observed yet.
   */
  costs(bytes: number, width?: number, height?: number): { local: number | undefined; remote: number | undefined }
}

const saved = learned(
  'place()',
  1,
  z.strictObject({
    device: z.unknown(),
    cloud: z.unknown(),
    rest: z.unknown(),
    link: z.unknown(),
    preparedBytes: z.number().min(0).optional(),
  }),
)

type Way = 'captured' | 'prepared'

/** How quickly the expected size of prepared pictures follows. */
const sizeRate = 0.2
/** Messages' time that tries may cost in advance: what is learned early is used for long. */
const advance = 4
/** A crossing that took so many times more or less than expected is a surprise; so many of them in a row are a change. */
const surprising = 2
const enoughSurprises = 2
/** Crossings after which it is known how long they take. */
const wellKnown = 8
const captured: readonly Cut[] = ['captured']
const prepared: readonly Cut[] = ['prepared']

/**
 * Decides where a picture is prepared (PieSlicer): on the device iff f(S) + g(p) + h(p) < g(S) + h(S), with f and h the
 * preparing times of device and cloud, g the transfer, S the captured and p the prepared size. All of it is learned from
 * outcomes. Leaves every other field of the menu alone, and any cut but `captured` and `prepared` out.
 * @throws BadConfiguration a bad option
 */
export function place(options: PlaceOptions = {}): Place {
  return new PieSlicer(options)
}

class PieSlicer implements Place {
  readonly name = 'place'
  readonly #options: z.output<typeof settings>
  readonly #device = new PreparingTime()
  readonly #cloud = new PreparingTime()
  /** What the cloud still has to do to a prepared picture: h(p). */
  readonly #rest = new Regression({ size: 2 })
  readonly #x = new Float64Array([1, 0])
  readonly #link: LinkEstimate
  #preparedBytes: number | undefined
  /** Decisions each way, and decisions since each way was taken last. */
  readonly #taken = { captured: 0, prepared: 0 }
  readonly #since = { captured: 0, prepared: 0 }
  /** Milliseconds that tries may cost by now; undefined before both ways were taken. */
  #saved: number | undefined
  /** Crossings in a row that took far more or less time than was expected. */
  #surprises = 0
  /** The last decision: about what, which way, and why. */
  #request: DecisionRequest | undefined
  #way: Way = 'captured'
  #why = ''

  constructor(options: PlaceOptions) {
    this.#options = readOptions(settings, options, 'place()')
    this.#link = new LinkEstimate(this.#options.link)
  }

  decide(request: DecisionRequest, _world: unknown, menu: Menu): Menu {
    const here = menu.cuts.includes('prepared')
    const there = menu.cuts.includes('captured')
    this.#request = undefined
    if (!here && !there) return menu
    if (!here || !there) return menu.cuts.length === 1 ? menu : { ...menu, cuts: here ? prepared : captured }
    const way = this.#choose(request)
    this.#request = request
    this.#way = way
    this.#taken[way]++
    this.#since[way] = 0
    this.#since[way === 'captured' ? 'prepared' : 'captured']++
    return { ...menu, cuts: way === 'captured' ? captured : prepared }
  }

  costs(bytes: number, width?: number, height?: number): { local: number | undefined; remote: number | undefined } {
    return { local: this.#local(bytes, width, height), remote: this.#remote(bytes, width, height) }
  }

  observe(outcome: Outcome): void {
    if (outcome.side !== 'device' || outcome.backup) return
    const { kind, crossing, timings, bytes, width, height, now } = outcome
    if (kind === 'failure' && (outcome.error === 'deadline-exceeded' || outcome.error === 'node-lost'))
      this.#observeLoss(outcome)
    if (kind !== 'message' || !crossing) return
    const { device = 0, cloud = 0, transfer } = timings
    if (crossing.at !== 'captured' && crossing.at !== 'prepared') return
    if (transfer !== undefined) {
      this.#compare(transfer, this.#link.mean(crossing.bytes))
      this.#link.observe(crossing.node, crossing.bytes, transfer, now)
    }
    if (crossing.at === 'captured') this.#cloud.observe(bytes, width, height, cloud)
    else {
      this.#device.observe(bytes, width, height, device)
      this.#x[1] = crossing.bytes / 1e6
      this.#rest.observe(this.#x, cloud)
      const before = this.#preparedBytes ?? crossing.bytes
      this.#preparedBytes = before + sizeRate * (crossing.bytes - before)
    }
  }

  probed({ node, bytes, ms, answered, now }: Probe): void {
    if (answered && node !== undefined) this.#link.observe(node, bytes, ms, now)
  }

  /** `ms` leaves out the model's own time: it is the same on both ways. */
  explain(): Explanation | undefined {
    if (!this.#request) return undefined
    const { bytes, width, height } = this.#request
    const weighed = (cut: Way, ms: number | undefined, sent: number | undefined): Weighed => ({
      choice: { cut },
      ...(ms === undefined ? {} : { ms }),
      ...(sent === undefined ? {} : { bytes: sent }),
      propensity: cut === this.#way ? 1 : 0,
    })
    return {
      decider: this.name,
      weighed: [
        weighed('captured', this.#remote(bytes, width, height), bytes),
        weighed('prepared', this.#local(bytes, width, height), this.#preparedBytes),
      ],
      chosen: this.#way === 'captured' ? 0 : 1,
      why: this.#why,
    }
  }

  save(): unknown {
    return saved.write({
      device: this.#device.save(),
      cloud: this.#cloud.save(),
      rest: this.#rest.save(),
      link: this.#link.save(),
      ...(this.#preparedBytes === undefined ? {} : { preparedBytes: this.#preparedBytes }),
    })
  }

  restore(from: unknown): void {
    const { device, cloud, rest, link, preparedBytes } = saved.read(from, savedOf('place()'))
    this.#device.restore(device)
    this.#cloud.restore(cloud)
    this.#rest.restore(rest)
    this.#link.restore(link)
    this.#preparedBytes = preparedBytes
  }

  #compare(ms: number, expected: number | undefined): void {
    // What is hardly known yet surprises nobody.
    const ratio = expected === undefined || this.#link.count < wellKnown ? 1 : ms / expected
    this.#surprises = ratio > surprising || ratio < 1 / surprising ? this.#surprises + 1 : 0
  }

  #choose({ bytes, width, height, remaining }: DecisionRequest): Way {
    const {
      smallBytes = this.#preparedBytes ?? 0,
      smallSide,
      warmup,
      tryEvery,
      tryAtMostEvery,
      tryShare,
    } = this.#options
    this.#why = 'small picture'
    if (bytes <= smallBytes) return 'captured'
    if (width !== undefined && height !== undefined && Math.min(width, height) < smallSide) return 'captured'
    const local = this.#local(bytes, width, height)
    const remote = this.#remote(bytes, width, height)
    this.#why = 'warm-up'
    // What was restored needs no learning anew.
    if (local === undefined && this.#taken.prepared < warmup) return 'prepared'
    if (remote === undefined && this.#taken.captured < warmup) return 'captured'
    if (this.#device.count < warmup && this.#taken.prepared < warmup) return 'prepared'
    if (this.#cloud.count < warmup && this.#taken.captured < warmup) return 'captured'
    this.#why = 'faster'
    const [best, other] =
      local === undefined || (remote !== undefined && remote <= local)
        ? (['captured', 'prepared'] as const)
        : (['prepared', 'captured'] as const)
    if (local === undefined && remote === undefined) return 'prepared'
    const since = this.#since[other]
    const gap = Math.abs((local ?? 0) - (remote ?? 0))
    const cost = Math.min(local ?? Number.POSITIVE_INFINITY, remote ?? Number.POSITIVE_INFINITY)
    this.#saved = (this.#saved ?? advance * cost) + tryShare * cost
    // The network is another one now, and this way may tell little about the other: one try, whatever it costs.
    const changed = this.#surprises >= enoughSurprises
    if (since < tryAtMostEvery && !changed) return best
    const inTime = ((other === 'captured' ? remote : local) ?? 0) < remaining
    const uncertain = gap * gap < this.#varianceOfGap(bytes, width, height)
    if (changed) this.#surprises = 0
    else if (gap > this.#saved || (since < tryEvery && !uncertain)) return best
    if (!inTime) return best
    this.#saved = Math.max(0, this.#saved - gap)
    this.#why = 'try'
    return other
  }

  /** f(S) + g(p) + h(p) */
  #local(bytes: number, width: number | undefined, height: number | undefined): number | undefined {
    const size = this.#preparedBytes
    const device = this.#device.mean(bytes, width, height)
    if (device === undefined || size === undefined) return undefined
    const transfer = this.#link.mean(size)
    if (transfer === undefined) return undefined
    this.#x[1] = size / 1e6
    return device + transfer + this.#rest.mean(this.#x)
  }

  /** g(S) + h(S) */
  #remote(bytes: number, width: number | undefined, height: number | undefined): number | undefined {
    const cloud = this.#cloud.mean(bytes, width, height)
    const transfer = this.#link.mean(bytes)
    return cloud === undefined || transfer === undefined ? undefined : cloud + transfer
  }

  /** The constant part of the transfer is the same on both ways: only the bytes that differ make it uncertain. */
  #varianceOfGap(bytes: number, width: number | undefined, height: number | undefined): number {
    const { slopeVariance } = this.#link
    const megabytes = (bytes - (this.#preparedBytes ?? 0)) / 1e6
    return (
      this.#device.variance(bytes, width, height) +
      this.#cloud.variance(bytes, width, height) +
      slopeVariance * megabytes * megabytes
    )
  }

  /** A message that did not get through in time would have taken longer: on a link that is too slow nothing else tells. */
  #observeLoss({ plan, timings, bytes, latency, began = 0, now }: Outcome): void {
    const sent = plan.cut === 'captured' ? bytes : plan.cut === 'prepared' ? this.#preparedBytes : undefined
    if (sent === undefined) return
    const before = began + (timings.capture ?? 0) + (timings.device ?? 0)
    this.#link.observeAtLeast(sent, latency - before, now)
  }
}
