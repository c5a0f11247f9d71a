/** Intercept and slope of y = a + b·x. */
export interface Coefficients {
  readonly a: number
  readonly b: number
}

export interface FittedLineOptions {
  /** Weight that an observation keeps with each later one, 0…1. */
  readonly keep: number
  /** Variance of x below which intercept and slope cannot be told apart, by the mean of x. */
  readonly leastVariance: (mean: number) => number
  /** The slope until then; default: that of the line through the origin and the mean. */
  readonly slope?: number
}

/** y = a + b·x by least squares over exponentially forgotten observations, both coefficients held at 0 or above. */
export class FittedLine {
  readonly #options: FittedLineOptions
  #weight = 0
  #x = 0
  #xx = 0
  #y = 0
  #xy = 0

  constructor(options: FittedLineOptions) {
    this.#options = options
  }

  add(x: number, y: number): void {
    const { keep } = this.#options
    this.#weight = this.#weight * keep + 1
    this.#x = this.#x * keep + x
    this.#xx = this.#xx * keep + x * x
    this.#y = this.#y * keep + y
    this.#xy = this.#xy * keep + x * y
  }

  /** The expected y; undefined before the first observation. */
  at(x: number): number | undefined {
    if (this.#weight === 0) return undefined
    const { a, b } = this.coefficients
    return a + b * x
  }

  /** Whether the xs have differed enough to tell intercept and slope apart. */
  get spread(): boolean {
    const mean = this.#x / this.#weight
    return this.#variance >= this.#options.leastVariance(mean)
  }

  /** Of what was observed; NaN before the first observation. */
  get coefficients(): Coefficients {
    const [x, y] = [this.#x / this.#weight, this.#y / this.#weight]
    const { slope: assumed = y / x } = this.#options
    const slope = this.spread ? (this.#xy / this.#weight - x * y) / this.#variance : assumed
    if (slope < 0) return { a: y, b: 0 }
    const base = y - slope * x
    return base < 0 ? { a: 0, b: this.#xy / this.#xx } : { a: base, b: slope }
  }

  get #variance(): number {
    const mean = this.#x / this.#weight
    return this.#xx / this.#weight - mean * mean
  }
}
