import type { DecisionRequest, World } from '../../../pipeline/index.ts'
import type { CatalogueEntry } from '../../manage/index.ts'
import { isPictureEncoding } from '../../transfer/index.ts'
import { guessedRun } from '../estimate/guess.ts'
import type { Ratios } from '../estimate/ontime.ts'
import type { Knowledge } from './knowledge.ts'
import type { Off } from './off.ts'
import { type Kind, kind, kindNames, type Paths } from './paths.ts'

/** Standard deviations of a link that are held against it. */
const caution = 0.5
const nothing = [0, 0, 0] as const
/** Milliseconds: nothing takes less. */
const least = 1e-9
/** Nothing is known better, relative. */
const exact = 0.002

/** Time, bytes, chance and accuracy of every path, for one message: arrays beside those of the paths, written anew for each. */
export class Forecast {
  /** Milliseconds on the device, on the uplink and in the cloud, and from now to the answer. */
  readonly device: Float64Array
  readonly uplink: Float64Array
  readonly cloud: Float64Array
  readonly time: Float64Array
  readonly #log: Float64Array
  /** Milliseconds that it is expected to be off by. */
  readonly #miss: Float64Array
  readonly bytes: Float64Array
  /** Chance to be on time. */
  readonly chance: Float64Array
  readonly accuracy: Float64Array
  /** Milliseconds of preparing and of running each model on the device, as stand-ins have it, and the chance's ratios. */
  readonly here: Float64Array
  /** By target: milliseconds of the way there and back that no byte adds to, and that each adds. */
  readonly base: Float64Array
  readonly byte: Float64Array
  /** How well those are known, three by three, and what they may be off besides: see `Line`. */
  readonly #spread: Float64Array
  readonly #worn: Float64Array
  /** By target, how far off one crossing may be from what is expected; relative. */
  readonly #varies: Float64Array
  /** The same of what the device prepares, runs, and of what the cloud does. */
  #off: Off['values'] = { prepare: 0, run: 0, cloud: 0, down: 0 }
  readonly #paths: Paths
  // By slot: preparing on the device, bytes per bulk, and the cloud's preparing, a + b · bytes.
  readonly #prepare: Float64Array
  readonly #unit: Float64Array
  readonly #rest: Float64Array
  readonly #restByte: Float64Array
  // By model, and by model and target.
  readonly #run: Float64Array
  readonly #runThere: Float64Array
  // By target: the chance that it answers at all, and how loaded it is.
  readonly #reach: Float64Array
  readonly #factor: Float64Array
  /** By kind: 0 where it was found to be impossible. */
  readonly #open = new Float64Array(kindNames.length)
  readonly #ratios: (Ratios | undefined)[]
  readonly #edges: (string | undefined)[]
  /** Names of the pools, by kind and target: made anew where an edge changes. */
  readonly #pools: (string | undefined)[]
  /** Milliseconds until what the device was given to run has run. */
  wait = 0
  /**
   * Position of the one model that is run on a device where nothing was run yet, −1 while it has not come back; undefined
   * where something is known. A catalogue's times may be those of another machine.
   */
  first: number | undefined
  readonly #quickest: number
  #request: DecisionRequest | undefined
  #beside = 0

  constructor(paths: Paths) {
    this.#paths = paths
    const of = (length: number) => new Float64Array(length)
    const [count, slots, models, targets] = [paths.count, paths.slots.length, paths.models.length, paths.targets.length]
    this.device = of(count)
    this.uplink = of(count)
    this.cloud = of(count)
    this.time = of(count)
    this.#log = of(count)
    this.#miss = of(count)
    this.bytes = of(count)
    this.chance = of(count)
    this.accuracy = Float64Array.from(paths.accuracy)
    this.here = of(models)
    this.base = of(targets)
    this.byte = of(targets)
    this.#spread = of(3 * targets)
    this.#worn = of(targets)
    this.#varies = of(targets)
    this.#prepare = of(slots)
    this.#unit = of(slots)
    this.#rest = of(slots)
    this.#restByte = of(slots)
    this.#run = of(models)
    this.#runThere = of(models * targets)
    this.#reach = of(targets)
    this.#factor = of(targets)
    this.#ratios = new Array(kindNames.length * targets)
    this.#edges = new Array(targets)
    this.#pools = new Array(kindNames.length * targets)
    this.#quickest = paths.quickest
  }

  /** Writes all arrays for a message. */
  make(request: DecisionRequest, world: World, knowledge: Knowledge): void {
    this.#request = request
    this.#beside = besideOf(world)
    this.#off = knowledge.off.values
    this.#steps(request, world, knowledge)
    this.#combine(request.remaining)
    const { kind: kinds, count } = this.#paths
    for (let p = count - 1; p >= 0 && kinds[p] === kind.last; p--) {
      this.accuracy[p] = knowledge.constancy.accuracy(request.source, request.now - request.elapsed)
    }
  }

  /** The name under which a path's ratios are pooled: its kind, and where it leads. */
  pool(path: number): string {
    const { kind: kinds, target, targets } = this.#paths
    return this.#pools[(kinds[path] as number) * targets.length + (target[path] as number)] as string
  }

  /** Milliseconds that a path prepares on the device before anything runs there. */
  preparing(path: number): number {
    const { kind: kinds, slot } = this.#paths
    return (kinds[path] as number) >= kind.prepared ? (this.#prepare[slot[path] as number] as number) : 0
  }

  /** Milliseconds of a path's crossing without what is held against it. */
  way(path: number): number {
    const t = this.#paths.target[path] as number
    return this.#paths.crosses(path)
      ? (this.base[t] as number) + (this.byte[t] as number) * (this.bytes[path] as number)
      : 0
  }

  /** The edge a target is reached by, as far as anybody knows. */
  edge(target: number): string | undefined {
    return this.#edges[target]
  }

  /** The chance that a path is done within so many ms, given their logarithm. */
  within(path: number, logMs: number): number {
    const { kind: kinds, target, targets } = this.#paths
    const at = kinds[path] as number
    const t = target[path] as number
    const ratios = this.#ratios[at * targets.length + t] as Ratios
    const reach = at >= kind.captured && at <= kind.after ? (this.#reach[t] as number) : 1
    return (this.#open[at] as number) * reach * ratios.at((logMs - (this.#log[path] as number)) / this.scale(path))
  }

  /** How far off a path's time is expected to be, as others like it were: standard deviation of its logarithm. */
  scale(path: number): number {
    const time = this.time[path] as number
    return time > 0 ? Math.max(exact, (this.#miss[path] as number) / time) : 1
  }

  /** How far off a path's time may be: standard deviation of its logarithm, roughly. */
  doubt(path: number, { times }: Knowledge): number {
    const request = this.#request as DecisionRequest
    const { kind: kinds, model, slot, target, slots, models, share } = this.#paths
    const total = this.time[path] as number
    if (!(total > 0) || kinds[path] === kind.last) return 0
    const { bytes, width, height, side } = request
    const id = (models[model[path] as number] as CatalogueEntry).id
    const t = target[path] as number
    const s = slot[path] as number
    const part = share[path] as number
    const runHere = part * (this.#run[model[path] as number] as number)
    const runThere = (1 - part) * (this.#runThere[(model[path] as number) * this.#paths.targets.length + t] as number)
    const at = kinds[path] as Kind
    const crosses = this.#paths.crosses(path) && side === 'device'
    let off = runHere * times.runs.deviation('device', id)
    off += runThere * times.runs.deviation('cloud', id, this.#edges[t])
    if (at >= kind.prepared && side === 'device')
      off +=
        (this.#prepare[s] as number) *
        times.prepareDoubt(at === kind.prepared ? (slots[s] as string) : 'tensor', bytes, width, height)
    if (at === kind.captured) off += (this.#rest[s] as number) * times.prepareThereDoubt(bytes, width, height)
    if (crosses)
      off +=
        (this.uplink[path] as number) * (this.#worn[t] as number) +
        deviation(this.#spread, t, this.bytes[path] as number)
    return off / total
  }

  /** The same of a model that runs on the device as a stand-in. */
  standInDoubt(model: number, { times }: Knowledge): number {
    const { bytes, width, height } = this.#request as DecisionRequest
    const total = this.here[model] as number
    const run = this.#run[model] as number
    const id = (this.#paths.models[model] as CatalogueEntry).id
    const off =
      run * times.runs.deviation('device', id) + (total - run) * times.prepareDoubt('tensor', bytes, width, height)
    return total > 0 ? off / total : 0
  }

  #steps(
    request: DecisionRequest,
    world: World,
    { times, onTime, reach, unanswered, backlog, impossible, off }: Knowledge,
  ): void {
    const { slots, pixels, models, targets } = this.#paths
    const { bytes, width, height, now, side, way, at } = request
    const below = side === 'cloud'
    for (let s = 0; s < slots.length; s++) {
      const encoding = slots[s] as string
      const captured = s === 0
      this.#unit[s] = captured
        ? bytes
        : isPictureEncoding(encoding)
          ? times.pixel(encoding, pixels[s])
          : times.shrink(encoding)
      const writes = captured || !isPictureEncoding(encoding) ? 'tensor' : encoding
      this.#prepare[s] = below || at !== 'captured' ? 0 : times.prepare(writes, bytes, width, height)
      this.#rest[s] = captured
        ? times.prepareThere(bytes, width, height)
        : isPictureEncoding(encoding)
          ? times.rest(encoding, 0)
          : 0
      this.#restByte[s] =
        captured || !isPictureEncoding(encoding) ? 0 : (times.rest(encoding, 1e6) - (this.#rest[s] as number)) / 1e6
    }
    const resident = world.value('resident')
    const tensor = below || at !== 'captured' ? 0 : times.prepare('tensor', bytes, width, height)
    for (let k = 0; k < kindNames.length; k++) this.#open[k] = impossible.has(kindNames[k] as string) ? 0 : 1
    for (let t = 0; t < targets.length; t++) {
      const target = targets[t] as 'any'
      const edge = below ? world.value('cloud')?.node : times.lines.edge(target)
      const line = below ? undefined : times.lines.line(target, world, now, unanswered.slower(now, edge))
      this.byte[t] = line ? line.byte : 0
      this.base[t] = line ? line.base + unanswered.wait(now, line.byte) : (way?.down ?? 0)
      this.#spread.set(line ? line.spread : nothing, 3 * t)
      this.#worn[t] = line ? line.doubt : 0
      this.#varies[t] = line ? line.varies : off.values.down
      const moved = edge !== this.#edges[t]
      this.#edges[t] = edge
      this.#factor[t] = below ? 1 : times.load.factor(now, edge)
      this.#reach[t] = below ? 1 : reach.chance(target, now)
      for (let k = 0; k < kindNames.length; k++) {
        const i = k * targets.length + t
        if (moved || this.#pools[i] === undefined) this.#pools[i] = poolOf(k as Kind, edge)
        this.#ratios[i] = onTime.of(this.#pools[i] as string, kindNames[k])
      }
    }
    for (let m = 0; m < models.length; m++) {
      const entry = models[m] as CatalogueEntry
      const reference = guessedRun(entry)
      const cold = resident !== undefined && !resident.includes(entry.id)
      this.#run[m] =
        reference * times.runs.device(entry.id, this.#beside) + (cold && !below ? times.loading('device', entry) : 0)
      this.here[m] = tensor + (this.#run[m] as number)
      const coldThere = cold && below ? times.loading('cloud', entry) : 0
      for (let t = 0; t < targets.length; t++) {
        const node = this.#edges[t]
        this.#runThere[m * targets.length + t] =
          reference * times.runs.cloud(entry.id, node) * (this.#factor[t] as number) + coldThere
      }
    }
    this.wait = below ? 0 : backlog.wait(now, (id) => this.#run[models.findIndex((entry) => entry.id === id)] ?? 0)
    const unmet = !below && times.runs.runs.device === 0 && request.remaining !== Number.POSITIVE_INFINITY
    this.first = unmet ? (backlog.length > 0 ? -1 : this.#quickest) : undefined
  }

  #combine(left: number): void {
    const { count, kind: kinds, model, target, slot, bulk, share, targets } = this.#paths
    const { device: devices, uplink: uplinks, cloud: clouds, bytes, time: times, chance, base, byte } = this
    const [runs, runsThere, prepares, units] = [this.#run, this.#runThere, this.#prepare, this.#unit]
    const [rests, restBytes, reaches, ratios] = [this.#rest, this.#restByte, this.#reach, this.#ratios]
    const [logs, spreads, misses, varies] = [this.#log, this.#spread, this.#miss, this.#varies]
    const { prepare: offPrepare, run: offRun, cloud: offCloud } = this.#off
    const [width, wait, first, open] = [targets.length, this.wait, this.first, this.#open]
    const logLeft = left > 0 ? Math.log(left) : Number.NEGATIVE_INFINITY
    for (let p = 0; p < count; p++) {
      const at = kinds[p] as number
      if (at === kind.last) {
        chance[p] = left > 0 ? 1 : 0
        continue
      }
      const s = slot[p] as number
      const m = model[p] as number
      const t = target[p] as number
      const part = share[p] as number
      let device = part > 0 ? wait + part * (runs[m] as number) : 0
      if (at >= kind.prepared) device += prepares[s] as number
      let uplink = 0
      let cloud = 0
      let sent = 0
      let reach = open[at] as number
      if (at !== kind.answered) {
        sent = (bulk[p] as number) * (units[s] as number)
        // What is not known of the way is held against it: small messages hardly tell what large ones take.
        uplink = (base[t] as number) + (byte[t] as number) * sent + caution * deviation(spreads, t, sent)
        cloud = (1 - part) * (runsThere[m * width + t] as number)
        if (at !== kind.after) cloud += (rests[s] as number) + (restBytes[s] as number) * sent
        reach *= reaches[t] as number
      }
      const time = Math.max(least, device + uplink + cloud)
      let miss = time * offRun
      if (at !== kind.answered) {
        const here = device * offPrepare
        const way = uplink * (varies[t] as number)
        const there = cloud * offCloud
        miss = Math.sqrt(here * here + way * way + there * there)
      }
      const log = Math.log(time)
      devices[p] = device
      uplinks[p] = uplink
      clouds[p] = cloud
      bytes[p] = sent
      times[p] = time
      logs[p] = log
      misses[p] = miss
      const unknown = first !== undefined && part > 0 && m !== first
      chance[p] = unknown
        ? 0
        : reach * (ratios[at * width + t] as Ratios).at(((logLeft - log) * time) / Math.max(miss, exact * time))
    }
  }
}

/** Standard deviation of what so many bytes take on the way to a target, ms. */
function deviation(spread: Float64Array, target: number, bytes: number): number {
  const i = 3 * target
  const linear = 2 * (spread[i + 1] as number) + bytes * (spread[i + 2] as number)
  return Math.sqrt(Math.max(0, (spread[i] as number) + bytes * linear))
}

/** Other messages in flight: what a run meets on the device. */
export function besideOf(world: World): number {
  return Math.max(0, (world.value('inFlight') ?? 1) - 1)
}

/** Paths are pooled by kind, and those that cross by the edge they lead to: a handover starts fresh. */
function poolOf(at: Kind, edge: string | undefined): string {
  const crosses = at !== kind.last && at !== kind.answered
  return crosses && edge !== undefined ? `${kindNames[at]}@${edge}` : (kindNames[at] as string)
}
