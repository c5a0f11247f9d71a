/** Octaves of time since the last request: 0 to 1 ms, 1 to 3, 3 to 7 … 35 years. */
export const octaves = 40

/** In which octave so many milliseconds lie. */
export function octaveOf(age: number): number {
  return Math.min(octaves - 1, Math.floor(Math.log2(1 + Math.max(0, age))))
}

/** Where each octave begins, and where the last would end, ms. A table: worths are asked for by the million. */
export const octaveStarts = Float64Array.from({ length: octaves + 1 }, (_, octave) => 2 ** octave - 1)

/**
 * How often requests come, by the time since the last one: requests seen, and milliseconds spent waiting for them, in each
 * octave. Waits that have not ended are counted as they grow, so that what never comes again tells as much as what
 * does (right-censored observations).
 *
 * Piecewise constant hazard: Kalbfleisch and Prentice, "The Statistical Analysis of Failure Time Data", section 2.2.
 */
export class Hazard {
  readonly #requests = new Float64Array(octaves)
  readonly #waited = new Float64Array(octaves)
  readonly #kept: number

  /** @param memory requests after which 1/e of what was seen is left */
  constructor(memory: number) {
    this.#kept = 1 - 1 / memory
  }

  /** A request came so many milliseconds after the one before. */
  came(age: number): void {
    for (let octave = 0; octave < octaves; octave++) {
      this.#requests[octave] = this.#kept * (this.#requests[octave] as number)
      this.#waited[octave] = this.#kept * (this.#waited[octave] as number)
    }
    const octave = octaveOf(age)
    this.#requests[octave] = (this.#requests[octave] as number) + 1
  }

  /** None came between these ages (ms since the last request). */
  waited(from: number, to: number): void {
    let begin = from
    for (let octave = octaveOf(from); begin < to; octave++) {
      const end = octave < octaves - 1 ? Math.min(to, octaveStarts[octave + 1] as number) : to
      this.#waited[octave] = (this.#waited[octave] as number) + end - begin
      begin = end
    }
  }

  /**
   * Requests for each ms at that age: what was seen, drawn towards what is expected (the mean of a Gamma posterior).
   *
   * @param expected requests for each ms
   * @param strength of how many requests what is expected counts as much as
   */
  rate(octave: number, expected: number, strength: number): number {
    return ((this.#requests[octave] as number) + strength) / ((this.#waited[octave] as number) + strength / expected)
  }
}
