import { type Cut, UnknownModel } from '../../pipeline/index.ts'
import type { CatalogueEntry, Models } from '../../stages/index.ts'

/** A model of which only figures are known. */
export interface Figures {
  readonly id: string
  /** 0…1 */
  readonly accuracy: number
  /** ms of a run, as a catalogue would have it; a first guess for deciders. */
  readonly mean?: number
  /** Pixels of its input. Default 1 × 1. */
  readonly width?: number
  readonly height?: number
  /** Where it can be parted. Default: nowhere. */
  readonly cuts?: CatalogueEntry['cuts']
}

/** Models without files, for deciders that ask a catalogue. They cannot be run. */
export function modelsOfFigures(given: readonly Figures[]): Models {
  const entries = new Map(given.map((figures) => [figures.id, entryOf(figures)]))
  const ids = [...entries.keys()]
  const entry = (id: string) => {
    const found = entries.get(id)
    if (!found) throw new UnknownModel(id, ids)
    return found
  }
  return {
    ids,
    entry,
    cuts: (id) => (entry(id).cuts ?? []).map(({ layer }): Cut => `after:${layer}`),
    source: (id) => ({ key: id, name: id, path: entry(id).file, sha256: noHash, bytes: entry(id).bytes }),
  }
}

const noHash = '0'.repeat(64)

function entryOf({ id, accuracy, mean, width = 1, height = 1, cuts }: Figures): CatalogueEntry {
  return {
    id,
    task: 'classify',
    file: `${id}.onnx`,
    sha256: noHash,
    bytes: 1,
    input: {
      name: 'input',
      width,
      height,
      layout: 'NCHW',
      type: 'float32',
      channels: 'rgb',
      mean: [0, 0, 0],
      std: [1, 1, 1],
      resize: 'cover',
      crop: 1,
    },
    output: { name: 'output', kind: 'probabilities' },
    labels: ['right', 'wrong'],
    labelOffset: 0,
    accuracy,
    precision: 'float32',
    ...(mean === undefined ? {} : { latencyMs: mean }),
    ...(cuts === undefined ? {} : { cuts }),
    licence: 'none',
  }
}
