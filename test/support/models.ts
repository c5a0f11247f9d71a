import { UnknownModel } from '../../pipeline/index.ts'
import { type CatalogueEntry, catalogueEntry, type Models } from '../../stages/index.ts'

/** A catalogue's entry: labels a, b, c; a float32 input of 8 × 8 named `input`, logits named `logits`. */
export function entry(id: string, change: Readonly<Record<string, unknown>> = {}): CatalogueEntry {
  return catalogueEntry.parse({
    id,
    file: `${id}.onnx`,
    sha256: 'a'.repeat(64),
    bytes: 1,
    input: { name: 'input', width: 8, height: 8 },
    output: { name: 'logits' },
    labels: ['a', 'b', 'c'],
    accuracy: 0.5,
    licence: 'MIT',
    ...change,
  })
}

/** Models without files. */
export function modelsWithoutFiles(entries: readonly CatalogueEntry[]): Models {
  const ids = entries.map(({ id }) => id)
  const find = (id: string) => {
    const found = entries.find((one) => one.id === id)
    if (!found) throw new UnknownModel(id, ids)
    return found
  }
  return {
    ids,
    entry: find,
    source: (id) => ({ key: id, name: id, path: `/${find(id).file}`, sha256: find(id).sha256, bytes: 1 }),
  }
}
