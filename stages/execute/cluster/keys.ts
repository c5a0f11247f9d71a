import { Boundary } from '../../../pipeline/index.ts'
import type { ModelSource, Models } from '../../manage/index.ts'

/** A model, or the rest of it behind a layer, as nodes of a pipeline speak of it. */
export interface ModelKey {
  /** The token in subjects. */
  readonly key: string
  readonly boundary: Boundary
  /** The model's id in the catalogue. */
  readonly model: string
  /** Bytes of its file, whole: the first guess of what it takes. */
  readonly bytes: number
}

/** Keys remembered: the names of layers come off the wire. */
const remembered = 4_096

/**
 * Which key a model has here. A key stands for the content of a file: a node whose catalogue has another file under the
 * same id is not taken for a holder.
 */
export class ModelKeys {
  readonly #tenant: string
  readonly #pipeline: string
  readonly #models: Models
  readonly #known = new Map<string, ModelKey>()

  constructor(tenant: string, pipeline: string, models: Models) {
    this.#tenant = tenant
    this.#pipeline = pipeline
    this.#models = models
  }

  /**
   * @param layer behind which it goes on; undefined: the whole model
   * @throws UnknownModel
   */
  of(model: string, layer?: string): ModelKey {
    const name = layer === undefined ? model : `${model} ${layer}`
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const { sha256, bytes } = this.#models.source(model)
    const content = layer === undefined ? sha256 : `${sha256} ${layer}`
    const boundary = Boundary.service(this.#tenant, this.#pipeline, content)
    const made = { key: boundary.prefix.split('.')[1] as string, boundary, model, bytes }
    if (this.#known.size >= remembered) this.#known.clear()
    this.#known.set(name, made)
    return made
  }

  /** The whole models of the catalogue, by the keys that executors know them by. */
  whole(): ReadonlyMap<ModelSource['key'], ModelKey> {
    return new Map(this.#models.ids.map((id) => [this.#models.source(id).key, this.of(id)]))
  }
}
