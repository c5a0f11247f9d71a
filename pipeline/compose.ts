import type { OperatorFunction } from 'rxjs'
import type { Source } from './capture.ts'
import type { Item, Message } from './message.ts'
import type { Captured, Payload, Result } from './payload.ts'
import { Pipeline } from './pipeline.ts'
import type { PipelineOptions } from './pipeline-options.ts'
import type { Link } from './running/chain.ts'

/** The message types an item may be. */
type MessageOf<I> = Extract<I, { readonly kind: 'message' }>
/** The payload forms an item may have. */
type PayloadOf<I> = MessageOf<I> extends Message<infer P, infer _S> ? P : never
type SideOf<I> = MessageOf<I> extends Message<infer _P, infer S> ? S : never

/** Below the wire only results may be left; a pipeline that is all device may still hold what no plan has finished. */
type IsFinished<I> =
  SideOf<I> extends 'cloud'
    ? [PayloadOf<I>] extends [Result]
      ? true
      : false
    : [Result] extends [PayloadOf<I>]
      ? true
      : false

/** What a last stage must be besides an operator: nothing, if it leaves results; else this unreachable hint. */
type Finished<I> =
  IsFinished<I> extends true ? unknown : { readonly 'the pipeline ends before execute() has answered': never }

type Op<I, O> = OperatorFunction<I, O>

/** Composes stages to a pipeline; which stage may follow which, and that the chain ends answered, is checked as types. */
export interface Compose {
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A> & Finished<A>): Pipeline<M>
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, B extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A>, s2: Op<A, B> & Finished<B>): Pipeline<M>
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, B extends Item, C extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A>, s2: Op<A, B>, s3: Op<B, C> & Finished<C>): Pipeline<M>
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, B extends Item, C extends Item, D extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A>, s2: Op<A, B>, s3: Op<B, C>, s4: Op<C, D> & Finished<D>): Pipeline<M>
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, B extends Item, C extends Item, D extends Item, E extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A>, s2: Op<A, B>, s3: Op<B, C>, s4: Op<C, D>, s5: Op<D, E> & Finished<E>): Pipeline<M>
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, B extends Item, C extends Item, D extends Item, E extends Item, F extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A>, s2: Op<A, B>, s3: Op<B, C>, s4: Op<C, D>, s5: Op<D, E>, s6: Op<E, F> & Finished<F>): Pipeline<M>
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, B extends Item, C extends Item, D extends Item, E extends Item, F extends Item, G extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A>, s2: Op<A, B>, s3: Op<B, C>, s4: Op<C, D>, s5: Op<D, E>, s6: Op<E, F>, s7: Op<F, G> & Finished<G>): Pipeline<M>
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, B extends Item, C extends Item, D extends Item, E extends Item, F extends Item, G extends Item, H extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A>, s2: Op<A, B>, s3: Op<B, C>, s4: Op<C, D>, s5: Op<D, E>, s6: Op<E, F>, s7: Op<F, G>, s8: Op<G, H> & Finished<H>): Pipeline<M>
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, B extends Item, C extends Item, D extends Item, E extends Item, F extends Item, G extends Item, H extends Item, I extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A>, s2: Op<A, B>, s3: Op<B, C>, s4: Op<C, D>, s5: Op<D, E>, s6: Op<E, F>, s7: Op<F, G>, s8: Op<G, H>, s9: Op<H, I> & Finished<I>): Pipeline<M>
  // biome-ignore format: one signature a line
  <P extends Payload, A extends Item, B extends Item, C extends Item, D extends Item, E extends Item, F extends Item, G extends Item, H extends Item, I extends Item, J extends Item, M = unknown>(name: string, options: PipelineOptions, source: Source<P, M>, s1: Op<Item<P, 'device'>, A>, s2: Op<A, B>, s3: Op<B, C>, s4: Op<C, D>, s5: Op<D, E>, s6: Op<E, F>, s7: Op<F, G>, s8: Op<G, H>, s9: Op<H, I>, s10: Op<I, J> & Finished<J>): Pipeline<M>
}

/** A `pipeline` function with defaults, e.g. the transport that `run()` uses on this platform. */
export function composer(defaults: Partial<PipelineOptions> = {}): Compose {
  return <M>(name: string, options: PipelineOptions, source: Source<Captured, M>, ...links: unknown[]) =>
    new Pipeline<M>(name, { ...defaults, ...options }, source, links as Link[])
}

/**
 * Composes a pipeline: a source, then stages. Give `embedded` in the options for `run()`.
 * @throws BadConfiguration a bad name or option, two wires, two hops of one name
 */
export const pipeline: Compose = composer()
