import { z } from 'zod'
import { activationEncodings } from '../../transfer/index.ts'
import { restored } from '../estimate/restore.ts'
import type { Writing } from './objective.ts'

const saved = z.record(z.string(), z.number().positive())

/** Bytes per byte of float32, by precision; and what packing makes of them, as a first guess. */
const ratios = { float32: 1, float16: 0.5, uint8: 0.25, 'uint8-per-channel': 0.25 } as const
const guessedPacking = 0.6
/** Milliseconds per byte of float32 on either side, measured on one core of a server; packing far outweighs writing. */
const milliseconds = { float32: 1.3e-7, float16: 1e-6, uint8: 1.2e-6, 'uint8-per-channel': 1.2e-6 } as const
const packingMs = { deflate: 1e-5, brotli: 1.2e-5 } as const
/** How quickly what packing saves follows. */
const rate = 0.2

/** How each activation encoding writes: sizes and times by rule, what packing saves by what was seen. */
export class Writings {
  readonly #known = new Map<string, { ratio: number; readonly encode: number; readonly decode: number }>()

  constructor() {
    for (const encoding of activationEncodings) {
      const [precision, packing] = encoding.split('+') as [keyof typeof ratios, keyof typeof packingMs | undefined]
      const ms = milliseconds[precision] + (packing === undefined ? 0 : packingMs[packing])
      const ratio = ratios[precision] * (packing === undefined ? 1 : guessedPacking)
      this.#known.set(encoding, { ratio, encode: ms, decode: ms })
    }
  }

  /** Undefined for what is no activation encoding. */
  of(encoding: string): Writing | undefined {
    return this.#known.get(encoding)
  }

  /** Learns that so many bytes of float32 became so many; of packed encodings alone, the others are as they are. */
  observe(encoding: string, floats: number, bytes: number): void {
    const known = this.#known.get(encoding)
    if (!known || !encoding.includes('+') || !(floats > 0) || !(bytes > 0)) return
    known.ratio += rate * (bytes / floats - known.ratio)
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return Object.fromEntries(
      [...this.#known].flatMap(([name, { ratio }]) => (name.includes('+') ? [[name, ratio]] : [])),
    )
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    for (const [name, ratio] of Object.entries(restored(saved, from, 'activation encodings'))) {
      const known = this.#known.get(name)
      if (known) known.ratio = ratio
    }
  }
}
