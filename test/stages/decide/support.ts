import type { CatalogueEntry, ImageEngine, Models } from '../../../adapters/node/index.ts'
import type { Crossing, Cut, DecisionRequest, Menu, Outcome, Plan, Timings } from '../../../pipeline/index.ts'
import { sleep, UnknownModel, World } from '../../../pipeline/index.ts'
import { type ManualClock, manualClock } from '../../support/manual-clock.ts'

export const world = new World(manualClock())

/** Something to decide about: by default a picture of 1 MB on the device, just captured. */
export function request(change: Partial<DecisionRequest> = {}): DecisionRequest {
  return {
    id: 'm',
    source: 'device.main',
    seq: 0,
    side: 'device',
    at: 'captured',
    bytes: 1e6,
    width: undefined,
    height: undefined,
    elapsed: 0,
    remaining: 10_000,
    deadline: 10_000,
    way: undefined,
    now: 0,
    plan: {},
    attempt: 1,
    tried: [],
    ...change,
  }
}

/** What came of it: by default an answer, on time. */
export function outcome(
  plan: Plan,
  timings: Timings,
  change: Partial<Omit<Outcome, 'crossing'>> & { crossing?: Partial<Crossing> | undefined } = {},
): Outcome {
  const { crossing, ...rest } = change
  const base: Outcome = {
    id: 'm',
    side: 'device',
    now: 0,
    kind: 'message',
    attempt: 1,
    settled: true,
    score: undefined,
    plan,
    timings,
    crossing: crossing && { at: 'captured', encoding: 'jpeg', bytes: 1e6, node: 'edge', ...crossing },
    way: undefined,
    bytes: 1e6,
    width: undefined,
    height: undefined,
    latency: Object.values(timings).reduce((sum, ms) => sum + ms, 0),
    onTime: true,
    error: undefined,
  }
  return { ...base, ...rest }
}

export const menu: Menu = {
  models: ['a', 'b'],
  cuts: ['captured', 'prepared', 'answered'],
  encodings: ['jpeg', 'raw'],
  targets: ['any'],
  backups: ['none'],
}

/** A catalogue without files. */
export function modelSet(
  entries: readonly {
    id: string
    accuracy: number
    latencyMs?: number
    side?: number
    cuts?: CatalogueEntry['cuts']
  }[],
): Models {
  const made = new Map(
    entries.map(({ id, accuracy, latencyMs, side = 2, cuts }): [string, CatalogueEntry] => [
      id,
      {
        id,
        task: 'classify',
        file: `${id}.onnx`,
        sha256: '0'.repeat(64),
        bytes: 1,
        input: {
          name: 'x',
          width: side,
          height: side,
          layout: 'NCHW',
          type: 'float32',
          channels: 'rgb',
          mean: [0, 0, 0],
          std: [1, 1, 1],
          resize: 'cover',
          crop: 1,
        },
        output: { name: 'y', kind: 'logits' },
        labels: ['yes', 'no'],
        labelOffset: 0,
        accuracy,
        precision: 'float32',
        ...(latencyMs === undefined ? {} : { latencyMs }),
        ...(cuts === undefined ? {} : { cuts }),
        licence: 'MIT',
      },
    ]),
  )
  return {
    ids: [...made.keys()],
    entry(id) {
      const entry = made.get(id)
      if (!entry) throw new UnknownModel(id, [...made.keys()])
      return entry
    },
    cuts: (id) => made.get(id)?.cuts?.map(({ layer }): Cut => `after:${layer}`) ?? [],
    source: (id) => ({ key: id, name: id, path: id, sha256: '0'.repeat(64), bytes: 1 }),
  }
}

/** Evenly and normally spread numbers from one seeded stream. */
export function normal(random: () => number, mean: number, deviation: number): number {
  const u = Math.max(random(), 1e-12)
  return mean + deviation * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random())
}

/** Takes so many ms for a captured picture, 1 for a prepared one; what it prepares has 10 KB. */
export function engine(clock: ManualClock, ms: number): ImageEngine {
  return {
    async prepare(picture, _input, { encoding }) {
      if (picture.form !== 'tensors') await sleep(clock, picture.at === 'captured' ? ms : 1)
      if (encoding === 'tensor') {
        const bytes = new Uint8Array(48)
        return {
          form: 'tensors',
          at: 'prepared',
          tensors: [{ name: 'x', type: 'float32', shape: [1, 3, 2, 2], bytes }],
        }
      }
      return { form: 'image', at: 'prepared', bytes: new Uint8Array(10_000), width: 2, height: 2 }
    },
    measure: async () => ({ width: 2, height: 2 }),
  }
}
