import fc from 'fast-check'

/*
 * A scene is one run of one random pipeline, as plain values: what it is made of, what is captured, and what happens
 * meanwhile. It is made of its seed alone, so that one that fails can be played again.
 */

export const captureKinds = [
  'good',
  'picture',
  'cut-off',
  'noise',
  'pixels',
  'failed',
  'null',
  'undefined',
  'string',
  'number',
  'symbol',
  'promise',
  'rejected',
  'error',
  'empty',
  'shared',
  'no-payload',
  'no-bytes',
  'nan',
  'getter',
  'proxy',
  'bad-stream',
  'bad-id',
  'same-id',
  'object-id',
  'negative-ms',
  'huge',
  'written-over',
] as const
export type CaptureKind = (typeof captureKinds)[number]

export const troubles = [
  'pass',
  'delay',
  'fail',
  'drop',
  'lose',
  'break',
  'retry',
  'hang',
  'throw-odd',
  'give-odd',
  'give-other',
  'emit-odd',
  'raw-throw',
  'decide',
  'decide-odd',
  'filter-throws',
] as const
export type Trouble = { readonly kind: (typeof troubles)[number]; readonly every: number; readonly n: number }

export type Happening = { readonly at: number } & (
  | { readonly what: 'drain'; readonly within: number }
  | { readonly what: 'abort' | 'cut' | 'heal' | 'close' }
  | { readonly what: 'stop-cloud'; readonly cloud: number; readonly within: number }
  | { readonly what: 'faults'; readonly faults: Faults }
)

export interface Faults {
  readonly drop: number
  readonly duplicate: number
  readonly corrupt: number
  readonly delay: number
  readonly reorder: boolean
}

export interface Scene {
  readonly seed: number
  readonly transport: 'none' | 'embedded' | 'halves'
  readonly clouds: number
  readonly hop: boolean
  readonly handsOver: boolean
  readonly probes: boolean
  /** Ids of models that plans may name. */
  readonly models: number
  /** Pictures are prepared and models run (by stand-ins), where time passes by itself. */
  readonly real: boolean
  readonly options: Readonly<Record<string, unknown>>
  readonly source: 'list' | 'async' | 'live-list' | 'observable' | 'buffered' | 'iterator'
  readonly handover: Readonly<Record<string, unknown>>
  readonly captures: readonly { readonly kind: CaptureKind; readonly stream: number; readonly pause: number }[]
  readonly ends: 'completes' | 'errors' | 'throws'
  readonly above: readonly Trouble[]
  readonly below: readonly Trouble[]
  readonly capacity: number
  readonly faults: Faults
  readonly listener: 'calm' | 'throws' | 'pipes-and-throws'
  readonly reader: 'all' | 'breaks' | 'throws' | 'none' | 'slow'
  readonly leaveAfter: number
  readonly happenings: readonly Happening[]
}

const trouble: fc.Arbitrary<Trouble> = fc.record({
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('pass', 'delay') },
    { weight: 4, arbitrary: fc.constantFrom(...troubles) },
  ),
  every: fc.integer({ min: 2, max: 9 }),
  n: fc.nat(60),
})

const share = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(0.05, 0.2, 0.5, 1) },
)
const faults: fc.Arbitrary<Faults> = fc.record({
  drop: share,
  duplicate: share,
  corrupt: share,
  delay: fc.constantFrom(0, 0, 0, 5, 40, 400),
  reorder: fc.boolean(),
})

const when = fc.nat(600)
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ at: when, what: fc.constant('drain' as const), within: fc.constantFrom(0, 1, 50, 10_000) }),
  fc.record({ at: when, what: fc.constantFrom('abort' as const, 'cut' as const, 'heal' as const, 'close' as const) }),
  fc.record({
    at: when,
    what: fc.constant('stop-cloud' as const),
    cloud: fc.nat(1),
    within: fc.constantFrom(0, 20, 1000),
  }),
  fc.record({ at: when, what: fc.constant('faults' as const), faults }),
)

/** Mostly right; now and then a wrong or a misspelt one, which has to be refused by name. */
const options = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      window: fc.constantFrom(1, 1, 2, 4, 8, 64),
      deadline: fc.constantFrom(1, 20, 50, 100, 300, 2000),
      late: fc.constantFrom('fail', 'answer'),
      patience: fc.constantFrom(50, 500, 2000),
      order: fc.constantFrom('source', 'none'),
      showBackup: fc.constantFrom('at-deadline', 'first'),
      attempts: fc.constantFrom(1, 2, 3, 5),
      explain: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, unknown>>(
      { windoww: 3 },
      { window: Number.NaN },
      { window: -1 },
      { window: 1.5 },
      { deadline: Number.NaN },
      { deadline: -5 },
      { deadline: '100' },
      { late: 'maybe' },
      { attempts: 0 },
      { patience: Number.POSITIVE_INFINITY },
      { order: 7 },
      { tenant: 'not a token' },
      { explain: 'yes' },
    ),
  },
)

const handover = fc.oneof(
  { weight: 10, arbitrary: fc.record({ copy: fc.boolean(), checkOwnership: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, unknown>>(
      { copies: true },
      { copy: 1 },
      { buffer: -1 },
      { streams: Number.NaN },
      { live: 'no' },
      { name: null },
    ),
  },
)

export const scene: fc.Arbitrary<Scene> = fc.record({
  seed: fc.nat(1_000_000),
  transport: fc.constantFrom('none' as const, 'embedded' as const, 'halves' as const),
  clouds: fc.integer({ min: 0, max: 2 }),
  hop: fc.boolean(),
  handsOver: fc.boolean(),
  probes: fc.boolean(),
  models: fc.nat(3),
  real: fc.boolean(),
  options,
  source: fc.constantFrom('list', 'async', 'live-list', 'observable', 'buffered', 'iterator'),
  handover,
  captures: fc.array(
    fc.record({
      kind: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom<CaptureKind>('good', 'picture', 'pixels') },
        { weight: 2, arbitrary: fc.constantFrom(...captureKinds) },
      ),
      stream: fc.nat(3),
      pause: fc.constantFrom(0, 0, 0, 1, 5, 20, 60),
    }),
    { minLength: 1, maxLength: 40, size: 'max' },
  ),
  ends: fc.oneof(
    { weight: 8, arbitrary: fc.constant('completes' as const) },
    { weight: 1, arbitrary: fc.constantFrom('errors' as const, 'throws' as const) },
  ),
  above: fc.array(trouble, { maxLength: 3 }),
  below: fc.array(trouble, { maxLength: 2 }),
  capacity: fc.constantFrom(1, 4, 256),
  faults,
  listener: fc.constantFrom('calm' as const, 'calm' as const, 'throws' as const, 'pipes-and-throws' as const),
  reader: fc.constantFrom(
    'all' as const,
    'all' as const,
    'breaks' as const,
    'throws' as const,
    'none' as const,
    'slow' as const,
  ),
  leaveAfter: fc.nat(8),
  happenings: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(happening, { maxLength: 3 }) },
  ),
})
