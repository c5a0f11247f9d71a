import { BadConfiguration, type Message, type ModelSet, UnknownModel } from '../../pipeline/index.ts'
import type { CatalogueEntry } from './catalogue.ts'

/** A model an executor can load: a whole one, or the head or tail of a split one. */
export interface ModelSource {
  /** Unique per content: the sha256 of the model's files (of a part's file, where it is one of a cut model). */
  readonly key: string
  /** For people: the catalogue id. */
  readonly name: string
  /** The file; its external data lies beside it. */
  readonly path: string
  /** Lower-case hex, of the file and of the files of its weights; checked at load. */
  readonly sha256: string
  /** Size of the file, the first guess of its size in memory. */
  readonly bytes: number
}

/** The models a pipeline may choose from, and where their files are. Implemented by `adapters/catalogue`. */
export interface Models extends ModelSet {
  /** All ids, in the catalogue's order. */
  readonly ids: readonly string[]
  /** @throws UnknownModel */
  entry(id: string): CatalogueEntry
  /** The file to load for a whole model. @throws UnknownModel */
  source(id: string): ModelSource
}

/**
 * The models a stage works with: those given to it, else those of its pipeline.
 * @throws BadConfiguration when there are none
 */
export function modelsOf(given: Models | undefined, ofPipeline: ModelSet | undefined, stage: string): Models {
  const models = given ?? ofPipeline
  if (models && 'entry' in models && 'source' in models) return models as Models
  throw new BadConfiguration(
    `${stage}() has no models. Give them to the pipeline, pipeline(name, { models: catalogue(folder) }, …), or to the stage, ${stage}({ models }).`,
  )
}

/** The models that may still answer a message: the planned one, or those not excluded yet, in the catalogue's order. */
export function candidates(message: Message, models: Models): readonly string[] {
  const { plan, open } = message
  if (plan.model === undefined) return open.models ?? models.ids
  if (!models.ids.includes(plan.model)) throw new UnknownModel(plan.model, models.ids)
  return [plan.model]
}

/**
 * The model that answers: the planned one; where nobody has decided, the first of the candidates.
 * @throws UnknownModel
 */
export function chosen(message: Message, models: Models): string {
  const [first] = candidates(message, models)
  if (first === undefined) throw new UnknownModel('(none left)', models.ids)
  return first
}
