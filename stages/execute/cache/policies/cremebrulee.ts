import { z } from 'zod'
import { readOptions } from '../../../../pipeline/index.ts'
import type { ModelUse } from '../use.ts'
import type { EvictionPolicy } from './policy.ts'

export interface CremeBruleeOptions {
  /** β: weight of the popularity. Default 1. */
  readonly popularity?: number
  /** κ: weight of the cost. Default 1. */
  readonly cost?: number
}

const settings = z.strictObject({ popularity: z.number().default(1), cost: z.number().default(1) })

/**
 * CremeBrulee, cost-direct: w = (n/N)^β · c^κ / S with n the model's requests of all N, c its load time, S its bytes.
 * The published weight scales popularity and cost by their largest value first, and N is the same for all: neither
 * changes the order. Counts never age.
 *
 * "Many Models at the Edge" (CremeBrulee), and its authors' code.
 */
export function costDirect(options: CremeBruleeOptions = {}): EvictionPolicy {
  return weigh('cost-direct', options, (use) => use.loadMs)
}

/** CremeBrulee, cost-increase: as `costDirect`, with c the load time over the run time: what a miss makes worse. */
export function costIncrease(options: CremeBruleeOptions = {}): EvictionPolicy {
  return weigh('cost-increase', options, (use) => use.loadMs / Math.max(use.runMs ?? use.loadMs, 0.001))
}

function weigh(name: string, options: CremeBruleeOptions, costOf: (use: ModelUse) => number): EvictionPolicy {
  const { popularity, cost } = readOptions(
    settings,
    options,
    name === 'cost-direct' ? 'costDirect()' : 'costIncrease()',
  )
  return { name, worth: (use) => (use.requests ** popularity * costOf(use) ** cost) / use.bytes }
}
