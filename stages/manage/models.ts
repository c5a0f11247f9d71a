import type { ModelSource } from '../execute/index.ts'
import type { CatalogueEntry } from './catalogue.ts'

/** The models a pipeline may choose from, and where their files are. Implemented by `adapters/catalogue`. */
export interface Models {
  /** All ids, in the catalogue's order. */
  readonly ids: readonly string[]
  /** @throws UnknownModel */
  entry(id: string): CatalogueEntry
  /** The file to load for a whole model. @throws UnknownModel */
  source(id: string): ModelSource
}
