import { UnknownModel } from '../../../pipeline/index.ts'
import { type CatalogueEntry, catalogueEntry, type Models } from '../../../stages/index.ts'

/*
 * LayerCake (cake-lab/LayerCake): accuracies, arrivals and deadlines of its test, from the authors' code; what it
 * achieved, from the abstract. The times of its variants and endpoints were not published. In their place stand the times
 * that the same group measured of the same networks on an m5.large (cake-lab/CremeBrulee, MIT, average over runs), times
 * assumed factors: see `Conditions`.
 */

/** Accuracy as LayerCake's test has it; run and load on an m5.large, ms; bytes of the Keras file, recalled. */
export const variants = [
  { id: 'b0', accuracy: 0.71, run: 263.17, load: 4753.07, bytes: 29e6 },
  { id: 'b1', accuracy: 0.791, run: 331.05, load: 5946.79, bytes: 31e6 },
  { id: 'b2', accuracy: 0.801, run: 378.52, load: 6702.32, bytes: 36e6 },
  { id: 'b3', accuracy: 0.816, run: 524.33, load: 6945.27, bytes: 48e6 },
  { id: 'b4', accuracy: 0.829, run: 869.48, load: 8269.1, bytes: 75e6 },
  { id: 'b5', accuracy: 0.836, run: 1439.93, load: 10_271.97, bytes: 118e6 },
  { id: 'b6', accuracy: 0.84, run: 2215.91, load: 11_978.89, bytes: 166e6 },
  { id: 'b7', accuracy: 0.843, run: 3550.08, load: 14_873.92, bytes: 256e6 },
] as const

export type Variant = (typeof variants)[number]

export const variant = (id: string): Variant => {
  const found = variants.find((one) => one.id === id)
  if (!found)
    throw new UnknownModel(
      id,
      variants.map((one) => one.id),
    )
  return found
}

export const published = { met: 0.964, metAboveSimilar: 0.167, cloudCostSaved: 0.6833 } as const

/** The test, and what of it was not published and is assumed. */
export interface Conditions {
  /** Published: ms between requests on average (Poisson), and deadlines, even between these. */
  readonly pause: number
  readonly deadline: readonly [from: number, to: number]
  /** Runs on the device and in the cloud, times what an m5.large takes. */
  readonly device: number
  readonly cloud: number
  /** Loads on the device, times those of the m5.large; the cloud's are as measured. */
  readonly deviceLoad: number
  /** Variants the device holds at once. */
  readonly holds: number
  /** ms after its last run that an endpoint in the cloud is unloaded. */
  readonly keepWarm: number
  /** One way, ms; and the uplink, bit/s. */
  readonly delay: number
  readonly uplink: number
  /** Coefficients of variation of uploads, and of runs. */
  readonly cv: { readonly upload: number; readonly run: number }
  /** Bytes of a request, even between these. */
  readonly bytes: readonly [from: number, to: number]
}

/** A recent phone (B0 in 92 ms), a cloud with an accelerator (B7 in 284 ms), an LTE link. */
export const assumed: Conditions = {
  pause: 1000,
  deadline: [250, 3500],
  device: 0.35,
  cloud: 0.08,
  deviceLoad: 0.1,
  holds: 3,
  keepWarm: 60_000,
  delay: 20,
  uplink: 20e6,
  cv: { upload: 0.25, run: 0.1 },
  bytes: [100_000, 200_000],
}

/** Other devices, clouds and links that LayerCake may as well have had: each assumption at its ends. */
export function otherConditions(): Conditions[] {
  const grid: Conditions[] = []
  for (const device of [0.25, 0.5])
    for (const cloud of [0.2, 0.4])
      for (const uplink of [8e6, 50e6])
        for (const holds of [1, 8]) grid.push({ ...assumed, device, cloud, uplink, holds })
  return grid
}

/** The variants as a catalogue; its first guess of a run is the m5.large's, whoever runs it. */
export const models: Models = {
  ids: variants.map(({ id }) => id),
  entry: (id) => entries.get(id) ?? unknown(id),
  source: (id) => {
    const { bytes } = variant(id)
    return { key: id, name: id, path: id, sha256: '0'.repeat(64), bytes }
  },
}

const entries: ReadonlyMap<string, CatalogueEntry> = new Map(
  variants.map(({ id, accuracy, run, bytes }) => [
    id,
    catalogueEntry.parse({
      id,
      file: `${id}.onnx`,
      sha256: '0'.repeat(64),
      bytes,
      input: { name: 'x', width: 224, height: 224 },
      output: { name: 'y' },
      labels: ['yes', 'no'],
      accuracy,
      latencyMs: run,
      licence: 'Apache-2.0',
    }),
  ]),
)

function unknown(id: string): never {
  throw new UnknownModel(id, [...entries.keys()])
}
