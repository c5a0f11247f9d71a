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
  /** Sizes of the input's axes, `INPUT[AXIS]`: they hold where the file leaves one free. Cutting the model needs them. */
  readonly axes?: Readonly<Record<string, number>>
  /** What it is fed and answers by its catalogue entry; checked at load. Undefined for parts of a cut model. */
  readonly expects?: Expectations | undefined
  /** False: never run on several pictures at once, whatever is found out. */
  readonly batch?: false | undefined
}

/** What a catalogue entry says of a model, in the words of its file. */
export interface Expectations {
  readonly input: {
    readonly name: string
    readonly type: string
    /** Of one picture. */
    readonly shape: readonly number[]
    /** The least and the largest value that a picture can become. */
    readonly range: readonly [number, number]
  }
  readonly output: {
    readonly name: string
    readonly kind: 'logits' | 'probabilities'
    /** Values of one picture: one for each label, and those before the first. */
    readonly classes: number
  }
}

/** What an executor may expect of a model. */
export function expectations({ input, output, labels, labelOffset }: CatalogueEntry): Expectations {
  const { name, type, layout, width, height, mean, std } = input
  const values = [0, 255].flatMap((byte) => mean.map((each, channel) => (byte - each) / (std[channel] as number)))
  return {
    input: {
      name,
      type,
      shape: layout === 'NCHW' ? [1, 3, height, width] : [1, height, width, 3],
      range: type === 'uint8' ? [0, 255] : [Math.min(...values), Math.max(...values)],
    },
    output: { name: output.name, kind: output.kind, classes: labels.length + labelOffset },
  }
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
