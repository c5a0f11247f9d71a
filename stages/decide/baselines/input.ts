import { z } from 'zod'
import type { Cut, DecisionRequest, Outcome } from '../../../pipeline/index.ts'
import { restored } from '../estimate/restore.ts'

const saved = z.strictObject({ device: z.number().min(0).optional(), bytes: z.number().min(0).optional() })

/** How quickly what is expected of inputs follows. */
const rate = 0.2

/** What a model's input costs the device: milliseconds to prepare it, and the bytes of a prepared picture. */
export class InputCosts {
  #device: number | undefined
  #bytes: number | undefined

  /** Milliseconds on the device before the first layer, or before the wire where nothing is prepared here. */
  device(cut: Cut): number {
    return cut === 'captured' ? 0 : (this.#device ?? 0)
  }

  /** Bytes of the message when it crosses before the first layer. */
  bytes(cut: Cut, { bytes, at }: Pick<DecisionRequest, 'bytes' | 'at'>): number {
    return cut === 'prepared' && at === 'captured' ? (this.#bytes ?? bytes) : bytes
  }

  observe({ side, timings, crossing, plan }: Outcome): void {
    if (side !== 'device' || plan.cut === 'captured') return
    if (timings.device !== undefined) this.#device = follow(this.#device, timings.device)
    if (crossing?.at === 'prepared') this.#bytes = follow(this.#bytes, crossing.bytes)
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return {
      ...(this.#device === undefined ? {} : { device: this.#device }),
      ...(this.#bytes === undefined ? {} : { bytes: this.#bytes }),
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { device, bytes } = restored(saved, from, 'input costs')
    this.#device = device
    this.#bytes = bytes
  }
}

function follow(before: number | undefined, now: number): number {
  return before === undefined ? now : before + rate * (now - before)
}
