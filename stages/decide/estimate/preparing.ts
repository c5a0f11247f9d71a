import { z } from 'zod'
import { Regression } from './regression.ts'
import { restored } from './restore.ts'

const saved = z.strictObject({ bySize: z.unknown(), byPixels: z.unknown() })

/**
 * Milliseconds that preparing a picture takes in one place: a + b · megabytes + c · megapixels, and a + b · megabytes
 * for pictures whose width and height nobody has told.
 */
export class PreparingTime {
  readonly #bySize = new Regression({ size: 2 })
  readonly #byPixels = new Regression({ size: 3 })
  readonly #x = new Float64Array([1, 0, 0])

  /** Pictures observed. */
  get count(): number {
    return this.#bySize.count
  }

  /** Milliseconds expected; undefined before the first observation. */
  mean(bytes: number, width: number | undefined, height: number | undefined): number | undefined {
    if (this.#bySize.count === 0) return undefined
    return this.#at(bytes, width, height).mean(this.#x)
  }

  /** Variance of the expectation. */
  variance(bytes: number, width: number | undefined, height: number | undefined): number {
    return this.#at(bytes, width, height).variance(this.#x)
  }

  observe(bytes: number, width: number | undefined, height: number | undefined, ms: number): void {
    this.#set(bytes, width, height)
    this.#bySize.observe(this.#x, ms)
    if (width !== undefined && height !== undefined) this.#byPixels.observe(this.#x, ms)
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return { bySize: this.#bySize.save(), byPixels: this.#byPixels.save() }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { bySize, byPixels } = restored(saved, from, 'preparing times')
    this.#bySize.restore(bySize)
    this.#byPixels.restore(byPixels)
  }

  #set(bytes: number, width: number | undefined, height: number | undefined): void {
    this.#x[1] = bytes / 1e6
    this.#x[2] = width === undefined || height === undefined ? 0 : (width * height) / 1e6
  }

  #at(bytes: number, width: number | undefined, height: number | undefined): Regression {
    this.#set(bytes, width, height)
    return width !== undefined && height !== undefined && this.#byPixels.count > 0 ? this.#byPixels : this.#bySize
  }
}
