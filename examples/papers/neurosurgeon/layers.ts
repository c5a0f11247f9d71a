/** What a layer does, as far as its time depends on it. */
export type Kind = 'conv' | 'dense' | 'local' | 'norm' | 'other'

/** One layer of a network, all of a query's pictures or frames together. */
export interface Layer {
  readonly name: string
  readonly kind: Kind
  /** Multiply-accumulates. */
  readonly macs: number
  /** Weights read once, bytes of float32. */
  readonly weights: number
  /** Values read and made, bytes of float32. */
  readonly inBytes: number
  readonly outBytes: number
  /** Products that a layer is made of: one a picture and group. */
  readonly pieces: number
  /** Rows of each product: a convolution's filters, a dense layer's outputs. */
  readonly rows: number
}

/** Builds a layer table from the usual hyperparameters; every layer reads what the one before it makes. */
export class Table {
  readonly layers: Layer[] = []
  /** Values per picture or frame: channels × side × side. */
  #channels: number
  #side: number
  readonly #batch: number

  /** @param batch pictures or frames of one query */
  constructor(channels: number, side: number, batch = 1) {
    this.#channels = channels
    this.#side = side
    this.#batch = batch
  }

  conv(name: string, out: number, size: number, { stride = 1, pad = 0, groups = 1 } = {}): this {
    const inputs = this.#values
    const perOutput = (this.#channels / groups) * size * size
    this.#shape(out, Math.floor((this.#side + 2 * pad - size) / stride) + 1)
    return this.#add(name, 'conv', inputs, this.#values * perOutput, out * perOutput, {
      pieces: this.#batch * groups,
      rows: out / groups,
    })
  }

  /** Like a convolution, but each position has weights of its own. */
  local(name: string, out: number, size: number, stride = 1): this {
    const inputs = this.#values
    const perOutput = this.#channels * size * size
    this.#shape(out, Math.floor((this.#side - size) / stride) + 1)
    const macs = this.#values * perOutput
    return this.#add(name, 'local', inputs, macs, macs)
  }

  /** The side rounds up, as Caffe's does. */
  pool(name: string, size: number, stride: number): this {
    const inputs = this.#values
    this.#shape(this.#channels, Math.ceil((this.#side - size) / stride) + 1)
    return this.#add(name, 'other', inputs, 0, 0)
  }

  dense(name: string, out: number): this {
    const inputs = this.#values
    this.#shape(out, 1)
    return this.#add(name, 'dense', inputs, inputs * out, inputs * out, { rows: out })
  }

  /** As large as what it reads. */
  each(name: string, kind: 'norm' | 'other' = 'other'): this {
    return this.#add(name, kind, this.#values, 0, 0)
  }

  /** The index of the largest value. */
  argmax(name = 'argmax'): this {
    const inputs = this.#values
    this.#shape(1, 1)
    return this.#add(name, 'other', inputs, 0, 0)
  }

  get #values(): number {
    return this.#channels * this.#side * this.#side
  }

  #shape(channels: number, side: number): void {
    this.#channels = channels
    this.#side = side
  }

  #add(name: string, kind: Kind, inputs: number, macs: number, weights: number, { pieces = 1, rows = 1 } = {}): this {
    this.layers.push({
      name,
      kind,
      macs: macs * this.#batch,
      weights: 4 * weights,
      inBytes: 4 * inputs * this.#batch,
      outBytes: 4 * this.#values * this.#batch,
      pieces,
      rows,
    })
    return this
  }
}
