import { z } from 'zod'
import { type BackoffPolicy, backoffPolicy } from './actors/supervision.ts'
import type { StageContext } from './context.ts'
import type { Item, Message, Side, Step } from './message.ts'
import { made } from './options.ts'
import type { Payload } from './payload.ts'

/** What a stage's function gets beside the message. */
export interface Call {
  readonly context: StageContext
  /** Aborted when the message's time is over, or nobody waits for it. */
  readonly signal: AbortSignal
}

export interface StageOptions {
  /** Messages worked on at once. Default 1; a function is asked once the stage is opened. */
  readonly concurrency?: number | ((context: StageContext) => number)
  /** `source`: messages of one source leave in the order they came. `none`: as they are done. Default: the pipeline's. */
  readonly order?: 'source' | 'none'
  /** Milliseconds one message may take here; its budget bounds it in any case. */
  readonly timeout?: number
  /** How often a failed call is tried again when its error is retryable, and after which pauses. Default of `first`: 0 ms. */
  readonly retry?: { readonly times: number } & Partial<BackoffPolicy>
  /** The step its time is booked on, by the side it runs on. */
  readonly step?: Step | ((side: Side) => Step)
  readonly ability?: 'prepare' | 'execute'
}

const step = z.string().or(made<(side: Side) => Step>('a step, or a function of the side'))

/** Strict. */
export const stageOptions = z.strictObject({
  concurrency: z
    .number()
    .min(1)
    .or(z.literal(Number.POSITIVE_INFINITY))
    .or(made<(context: StageContext) => number>('a number, or a function of the context'))
    .optional(),
  order: z.enum(['source', 'none']).optional(),
  timeout: z.number().positive().optional(),
  retry: backoffPolicy.extend({ times: z.number().int().min(0) }).optional(),
  step: step.optional(),
  ability: z.enum(['prepare', 'execute']).optional(),
} satisfies Record<keyof StageOptions, z.ZodType>)

/** What a stage's function gives. */
export type Work<P extends Payload = Payload, S extends Side = Side> = Item<P, S> | P

/** The function of a stage: gives a payload (the message goes on with it), or an item, now or later. */
export type StageFunction<I extends Payload, O extends Payload, S extends Side> = (
  message: Message<I, S>,
  call: Call,
) => Work<O, S> | Promise<Work<O, S>>
