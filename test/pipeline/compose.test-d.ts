import { type Observable, of } from 'rxjs'
import { describe, expectTypeOf, test } from 'vitest'
import {
  type Answer,
  type Captured,
  capture,
  decide,
  execute,
  type Frame,
  hop,
  type Item,
  onDevice,
  type Pipeline,
  pipeline,
  preprocess,
  type Result,
  type RunningDevice,
  transfer,
} from '../../adapters/node/index.ts'

const source = capture([new Uint8Array()])

describe('a pipeline that cannot work does not compile', () => {
  test('capture, preprocess, transfer, preprocess, execute is a pipeline', () => {
    expectTypeOf(pipeline('a', {}, source, preprocess(), transfer(), preprocess(), execute())).toEqualTypeOf<Pipeline>()
  })

  test('both halves may execute, and decide anywhere', () => {
    const whole = pipeline(
      'a',
      {},
      source,
      decide(onDevice()),
      preprocess(),
      execute(),
      transfer(),
      decide(),
      preprocess(),
      hop('run'),
      execute(),
    )
    expectTypeOf(whole).toEqualTypeOf<Pipeline>()
  })

  test('a pipeline may stay on the device', () => {
    expectTypeOf(pipeline('a', {}, source, preprocess(), execute())).toEqualTypeOf<Pipeline>()
  })

  test('two wires do not compile', () => {
    // @ts-expect-error what crossed the wire cannot cross it again
    pipeline('a', {}, source, preprocess(), transfer(), transfer(), preprocess(), execute())
  })

  test('a missing preprocess does not compile, above or below the wire', () => {
    // @ts-expect-error pictures reach execute() below the wire
    pipeline('a', {}, source, transfer(), execute())
    // @ts-expect-error pictures may reach execute() below the wire, when the plan says "captured"
    pipeline('a', {}, source, preprocess(), transfer(), execute())
    // @ts-expect-error nothing prepares on the device
    pipeline('a', {}, source, execute(), transfer(), preprocess(), execute())
    // @ts-expect-error nothing prepares at all
    pipeline('a', {}, source, execute())
  })

  test('a missing execute does not compile', () => {
    // @ts-expect-error nothing answers below the wire
    pipeline('a', {}, source, preprocess(), transfer(), preprocess())
    // @ts-expect-error nothing answers below the wire
    pipeline('a', {}, source, preprocess(), execute(), transfer(), preprocess())
    // @ts-expect-error nothing answers at all
    pipeline('a', {}, source, preprocess())
  })

  test('stages are RxJS operators, and the types follow the messages through a bare pipe', () => {
    const frames: Observable<Item<Captured, 'device'>> = of()
    const answered = frames.pipe(preprocess(), execute())
    expectTypeOf<Result>().toExtend<
      NonNullable<Extract<typeof answered extends Observable<infer I> ? I : never, { kind: 'message' }>['payload']>
    >()
    // @ts-expect-error nothing prepares
    frames.pipe(execute())
  })
})

describe('what is kept with a frame', () => {
  test('is of its own type on the answer', () => {
    const frames: Iterable<Frame<{ readonly camera: string }>> = []
    const flow = pipeline('a', {}, capture(frames), preprocess(), transfer(), preprocess(), execute())
    type Answered = RunningDevice<{ readonly camera: string }>
    expectTypeOf(flow.run()).toEqualTypeOf<Answered>()
    expectTypeOf<Answer<{ readonly camera: string }>['meta']>().toEqualTypeOf<{ readonly camera: string } | undefined>()
  })
})
