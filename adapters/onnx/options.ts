import { z } from 'zod'
import type { ExecutorOptions } from '../../stages/execute/index.ts'

/** Strict. */
export const executorOptionsSchema = z.strictObject({
  threads: z.number().int('give a whole number').min(1).optional(),
  optimisation: z.enum(['disabled', 'basic', 'extended', 'all']).optional(),
  batching: z.boolean().optional(),
  sizes: z.boolean().optional(),
} satisfies Record<keyof ExecutorOptions, z.ZodType>)
