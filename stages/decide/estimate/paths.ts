import { z } from 'zod'
import { layerOf, type Outcome, type Side, type World } from '../../../pipeline/index.ts'
import type { CatalogueEntry } from '../../manage/index.ts'
import { pictureWriting } from '../../transfer/index.ts'
import { guessedLoad, guessedRun } from './guess.ts'
import { Lines } from './lines.ts'
import type { LinkEstimateOptions } from './link.ts'
import { LoadEstimate } from './load.ts'
import { PreparingTime } from './preparing.ts'
import { Regression } from './regression.ts'
import { restored } from './restore.ts'
import { RunTimes } from './runs.ts'

const record = z.record(z.string(), z.unknown())
const numbers = z.record(z.string(), z.number().min(0))
const saved = z.strictObject({
  device: record,
  cloud: z.unknown(),
  rest: record,
  units: numbers,
  shrinks: numbers,
  loads: numbers,
  runs: z.unknown(),
  lines: z.unknown(),
  load: z.unknown(),
})

/** Milliseconds to prepare a megabyte of picture where nothing was observed. */
const guessedPreparing = 20
/** What one never saw is off by so much, relative. */
const unseen = 0.7
/** What is off by more, relative, is a guess. */
const guess = 0.4
/** Preparing that was not done in time would have taken longer: half as long again is learned. */
const beyond = 1.5
/** How quickly sizes and loading times follow. */
const follow = 0.2
/** Bytes of a prepared picture's pixel, by its encoding, before one was seen. */
const perPixel: Readonly<Record<string, number>> = { jpeg: 0.4, webp: 0.3, raw: 3, tensor: 12 }
/** Bytes left of a byte of float32, by the precision of the activation's encoding. */
const perByte: Readonly<Record<string, number>> = { float16: 0.5, uint8: 0.25, 'uint8-per-channel': 0.25 }

/**
 * What each step of a message's way takes, wherever the wire is: preparing here or there, the ends of the model here and
 * there, the crossing, and what crosses. Everything is learned from outcomes; one of them informs every path that shares a
 * step with it. Links are kept per edge, runs per node, loads of the cloud with their age.
 */
export class PathTimes {
  readonly lines: Lines
  readonly runs = new RunTimes()
  readonly load = new LoadEstimate()
  /** Preparing on the device, by how the picture is then written. */
  readonly #device = new Map<string, PreparingTime>()
  readonly #cloud = new PreparingTime()
  /** What the cloud does to a prepared picture, by how it is written. */
  readonly #rest = new Map<string, Regression>()
  /** Bytes per pixel of prepared pictures, and per byte of activations, by encoding. */
  readonly #units = new Map<string, number>()
  readonly #shrinks = new Map<string, number>()
  /** Milliseconds that loading a model took, by side and model. */
  readonly #loads = new Map<string, number>()
  readonly #x = new Float64Array([1, 0])

  constructor(link?: LinkEstimateOptions) {
    this.lines = new Lines(link)
  }

  /** Milliseconds to prepare a picture on the device and write it so. */
  prepare(encoding: string, bytes: number, width?: number, height?: number): number {
    const known = this.#device.get(encoding) ?? this.#anyDevice()
    return known?.mean(bytes, width, height) ?? (guessedPreparing * bytes) / 1e6
  }

  /** Relative standard deviation of that. */
  prepareDoubt(encoding: string, bytes: number, width?: number, height?: number): number {
    const known = this.#device.get(encoding)
    return known ? relative(known, bytes, width, height) : unseen
  }

  /** Milliseconds to prepare a captured picture in the cloud. */
  prepareThere(bytes: number, width?: number, height?: number): number {
    return this.#cloud.mean(bytes, width, height) ?? (guessedPreparing * bytes) / 1e6
  }

  prepareThereDoubt(bytes: number, width?: number, height?: number): number {
    return this.#cloud.count > 0 ? relative(this.#cloud, bytes, width, height) : unseen
  }

  /** Milliseconds the cloud spends on so many bytes of a prepared picture; linear in them. */
  rest(encoding: string, bytes: number): number {
    const known = this.#rest.get(encoding)
    if (!known) return encoding === 'tensor' ? 0 : (guessedPreparing * bytes) / 1e6
    this.#x[1] = bytes / 1e6
    return known.mean(this.#x)
  }

  /** Whether any picture that was written so was prepared. */
  knows(encoding: string): boolean {
    return this.#device.has(encoding) || this.#rest.has(encoding)
  }

  /** Bytes per pixel of a prepared picture. @param measured what is known of it until one was seen */
  pixel(encoding: string, measured?: number): number {
    const known = this.#units.get(encoding) ?? measured
    return known ?? perPixel[pictureWriting(encoding)?.format ?? 'raw'] ?? 3
  }

  /** Bytes per byte of an activation's float32. */
  shrink(encoding: string): number {
    return this.#shrinks.get(encoding) ?? shrinkage(encoding)
  }

  /** Milliseconds that loading a model takes where it is not resident. */
  loading(side: Side, entry: CatalogueEntry): number {
    return this.#loads.get(`${side}:${entry.id}`) ?? guessedLoad(entry)
  }

  /** Learns what the world says besides outcomes: the cloud's loads. */
  hear(world: World): void {
    const clouds = world.value('clouds')
    if (clouds) for (const [node, { value, at }] of clouds) this.#hearLoad(node, value.slowdown, at)
    const cloud = world.get('cloud')
    if (cloud) this.#hearLoad(cloud.value.node, cloud.value.slowdown, cloud.at)
  }

  /**
   * Learns what a message that was answered took.
   * @param shareHere the share of the model that lay before the wire, 0…1
   * @param beside how many others ran on the device when it was decided
   */
  observe(outcome: Outcome, entry: CatalogueEntry, shareHere: number, beside: number): void {
    const { crossing, timings, bytes, width, height, now } = outcome
    const { device, transfer, cloud, execute = 0, load = 0 } = timings
    const written = crossing && crossing.at === 'prepared' ? crossing.encoding : 'tensor'
    if (crossing && transfer !== undefined) this.lines.crossed(crossing.node, crossing.bytes, transfer, now)
    if (device !== undefined && crossing?.at !== 'captured')
      this.#preparing(written).observe(bytes, width, height, device)
    if (crossing?.at === 'captured' && cloud !== undefined) this.#cloud.observe(bytes, width, height, cloud)
    if (crossing?.at === 'prepared') this.#observePrepared(crossing.encoding, crossing.bytes, entry, cloud ?? 0)
    if (load > 0 && execute > 0) this.#observeLoad(crossing ? 'cloud' : 'device', entry.id, load)
    // On the device what waited is known by what it waited for; in the cloud others make it wait.
    const ran = Math.max(0, execute - load - (crossing ? 0 : (timings.queue ?? 0)))
    const reference = guessedRun(entry)
    const here = crossing ? (timings.head ?? 0) : ran
    const share = crossing ? shareHere : 1
    if (here > 0) this.runs.observeDevice(entry.id, share * reference, share, here, beside)
    if (!crossing || share === 1) return
    const idle = Math.max(0, ran - here) / this.load.factor(now, crossing.node)
    this.runs.observeCloud(entry.id, crossing.node, (1 - share) * reference, 1 - share, idle)
  }

  /** Learns that a picture was not even prepared after `ms`. @param encoding how it was to be written; undefined: as tensor */
  observeUnprepared(
    { bytes, width, height }: Pick<Outcome, 'bytes' | 'width' | 'height'>,
    encoding: string | undefined,
    ms: number,
  ): void {
    const written = encoding ?? 'tensor'
    if (ms > this.prepare(written, bytes, width, height))
      this.#preparing(written).observe(bytes, width, height, beyond * ms)
  }

  /** Learns that a share of a model was not done on the device after `ms`. */
  observeUnfinished(entry: CatalogueEntry, share: number, ms: number, beside: number): void {
    this.runs.observeDeviceAtLeast(entry.id, share * guessedRun(entry), share, ms, beside)
  }

  /**
   * Learns that no answer came within `ms` of so many bytes' leaving. A model that the cloud was never seen to run is what
   * must have been slow; else the link, which changes the more often.
   * @param share of the model, that ran in the cloud, 0…1
   */
  observeNotThrough(
    entry: CatalogueEntry,
    share: number,
    { bytes, uplink, cloud }: { readonly bytes: number; readonly uplink: number; readonly cloud: number },
    ms: number,
    now: number,
  ): void {
    const edge = this.lines.current
    if (edge !== undefined && share > 0 && this.runs.deviation('cloud', entry.id, edge) > guess) {
      const idle = (ms - uplink) / this.load.factor(now, edge)
      this.runs.observeCloudAtLeast(entry.id, edge, share * guessedRun(entry), share, idle)
    } else this.lines.notThrough(bytes, ms - cloud)
  }

  /** Learns how many bytes an activation had that was expected to have so many before it was written. */
  observeActivation(encoding: string, expected: number, bytes: number): void {
    if (expected > 0) this.#follow(this.#shrinks, encoding, bytes / expected)
  }

  /** Learns what a model took on this half of the cloud. */
  observeBelow(outcome: Outcome, entry: CatalogueEntry, node: string): void {
    const { timings, bytes, width, height, plan } = outcome
    const { cloud, execute, load = 0 } = timings
    if (cloud !== undefined && plan.cut === 'captured') this.#cloud.observe(bytes, width, height, cloud)
    if (load > 0) this.#observeLoad('cloud', entry.id, load)
    if (execute === undefined || (plan.cut !== undefined && layerOf(plan.cut) !== undefined)) return
    this.runs.observeCloud(entry.id, node, guessedRun(entry), 1, Math.max(0, execute - load))
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    const all = (kept: ReadonlyMap<string, { save(): unknown }>) =>
      Object.fromEntries([...kept].map(([name, value]) => [name, value.save()]))
    return {
      device: all(this.#device),
      cloud: this.#cloud.save(),
      rest: all(this.#rest),
      units: Object.fromEntries(this.#units),
      shrinks: Object.fromEntries(this.#shrinks),
      loads: Object.fromEntries(this.#loads),
      runs: this.runs.save(),
      lines: this.lines.save(),
      load: this.load.save(),
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { device, cloud, rest, units, shrinks, loads, runs, lines, load } = restored(
      saved,
      from,
      'the times of paths',
    )
    this.#device.clear()
    for (const [encoding, value] of Object.entries(device)) this.#preparing(encoding).restore(value)
    this.#cloud.restore(cloud)
    this.#rest.clear()
    for (const [encoding, value] of Object.entries(rest)) this.#restOf(encoding).restore(value)
    for (const [kept, values] of [
      [this.#units, units],
      [this.#shrinks, shrinks],
      [this.#loads, loads],
    ] as const) {
      kept.clear()
      for (const [name, value] of Object.entries(values)) kept.set(name, value)
    }
    this.runs.restore(runs)
    this.lines.restore(lines)
    this.load.restore(load)
  }

  #hearLoad(node: string, slowdown: number | undefined, at: number): void {
    if (slowdown !== undefined) this.load.observe(node, slowdown, at)
  }

  #anyDevice(): PreparingTime | undefined {
    for (const known of this.#device.values()) return known
    return undefined
  }

  #preparing(encoding: string): PreparingTime {
    return made(this.#device, encoding, () => new PreparingTime())
  }

  #restOf(encoding: string): Regression {
    return made(this.#rest, encoding, () => new Regression({ size: 2 }))
  }

  #observePrepared(encoding: string, bytes: number, { input }: CatalogueEntry, cloud: number): void {
    this.#x[1] = bytes / 1e6
    this.#restOf(encoding).observe(this.#x, cloud)
    // The size of a tensor is known; that of a picture depends on what it shows.
    if (encoding !== 'tensor') this.#follow(this.#units, encoding, bytes / (input.width * input.height))
  }

  #observeLoad(side: Side, model: string, ms: number): void {
    this.#follow(this.#loads, `${side}:${model}`, ms)
  }

  #follow(kept: Map<string, number>, name: string, value: number): void {
    if (!Number.isFinite(value)) return
    const before = kept.get(name) ?? value
    kept.set(name, before + follow * (value - before))
  }
}

/** Bytes left of a byte of float32 in an activation's encoding, packing not counted. */
export function shrinkage(encoding: string): number {
  const packed = encoding.indexOf('+')
  return perByte[packed < 0 ? encoding : encoding.slice(0, packed)] ?? 1
}

function relative(times: PreparingTime, bytes: number, width?: number, height?: number): number {
  const mean = times.mean(bytes, width, height) ?? 0
  return mean > 0 ? Math.min(unseen, Math.sqrt(times.variance(bytes, width, height)) / mean) : 0
}

function made<T>(kept: Map<string, T>, name: string, make: () => T): T {
  let found = kept.get(name)
  if (!found) {
    found = make()
    kept.set(name, found)
  }
  return found
}
