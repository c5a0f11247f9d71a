/** The models a pipeline may choose from, as far as the framework needs to know them. */
export interface ModelSet {
  readonly ids: readonly string[]
}
