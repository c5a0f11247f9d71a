import { z } from 'zod'
import { versioned } from '../../../pipeline/index.ts'
import type { Features } from './features.ts'
import { dot, leastSquares, mape, nonNegative } from './regression.ts'

/** A layer that was measured. */
export interface Sample extends Features {
  /** Which model it is of: models are held out whole. */
  readonly model: string
  /** 0 where the runtime computed it as part of another. */
  readonly ms: number
}

const form = z.strictObject({
  /** `linear`: a + b·MACs + c·bytes; `log`: exp(a + b·ln MACs + c·ln bytes). */
  form: z.enum(['linear', 'log']),
  coefficients: z.tuple([z.number(), z.number(), z.number()]),
  /** The share of such layers that take time of their own, 0…1. */
  own: z.number().min(0).max(1),
  /** What later observations say: 1 is "as fitted". */
  correction: z.number().positive(),
  samples: z.number().int().min(0),
})

/** A predictor as it is saved. */
export const savedPredictor = versioned({
  what: 'a saved predictor',
  version: 1,
  remedy: 'Fit one with "quintet profile".',
  schema: z.strictObject({
    kinds: z.record(z.string(), form),
    /** For kinds never seen: by bytes moved alone. */
    fallback: form,
  }),
})

type Form = z.infer<typeof form>
export type SavedPredictor = z.infer<typeof savedPredictor.schema>

/** Predicts how long layers take. */
export interface Predictor {
  /** Milliseconds of one layer. */
  layer(features: Features): number
  /** Milliseconds of layers that run one after the other. */
  total(features: readonly Features[]): number
  /** Learns from layers that ran together, a head or a tail, and took `ms` in all. */
  observe(features: readonly Features[], ms: number): void
  save(): SavedPredictor
}

// Steps of 10^-6 of the unit, so that coefficients are of readable size: ms per million MACs, ms per megabyte.
const row = ({ macs, bytes }: Features): [number, number, number] => [1, macs / 1e6, bytes / 1e6]
const logRow = ({ macs, bytes }: Features): [number, number, number] => [1, Math.log(macs + 1), Math.log(bytes + 1)]

/** Fits one predictor per kind of layer, in the form that predicts models better that it was not fitted to. */
export function fitPredictor(samples: readonly Sample[]): Predictor {
  const kinds: Record<string, Form> = {}
  for (const kind of new Set(samples.map((sample) => sample.kind))) {
    kinds[kind] = bestForm(samples.filter((sample) => sample.kind === kind))
  }
  const moved = samples.filter(({ ms, kind }) => ms > 0 && !/Conv|Gemm|MatMul|LSTM|GRU|RNN/.test(kind))
  const fallback = {
    ...fitForm(
      'linear',
      (moved.length > 0 ? moved : samples).map((sample) => ({ ...sample, macs: 0 })),
    ),
    own: 1,
  }
  return predictor(savedPredictor.write({ kinds, fallback }))
}

/** A predictor that was saved. @throws BadConfiguration where it is none · VersionMismatch another release saved it */
export function loadPredictor(saved: unknown): Predictor {
  return predictor(structuredClone(savedPredictor.read(saved, 'What is given')))
}

function predictor(state: SavedPredictor): Predictor {
  const formOf = (kind: string): Form => {
    // A variant never seen is taken for its operator in general, that failing for something that moves bytes.
    for (let name = kind; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf(':')))) {
      const found = state.kinds[name]
      if (found) return found
    }
    return state.fallback
  }
  const layer = (features: Features): number => evaluate(formOf(features.kind), features)
  const total = (features: readonly Features[]): number => features.reduce((sum, one) => sum + layer(one), 0)
  return {
    layer,
    total,
    observe(features, ms) {
      const expected = total(features)
      if (!(ms > 0) || !(expected > 0)) return
      const step = Math.log(ms / expected)
      const shares = new Map<Form, number>()
      for (const one of features) {
        const used = formOf(one.kind)
        shares.set(used, (shares.get(used) ?? 0) + evaluate(used, one) / expected)
      }
      // What made up most of the time answers for most of the error; a fifth of it each time, so that one slow run
      // does not overturn what was measured.
      for (const [used, share] of shares) used.correction *= Math.exp(0.2 * step * Math.min(1, 2 * share))
    },
    save: () => structuredClone(state),
  }
}

function evaluate({ form: kind, coefficients, own, correction }: Form, features: Features): number {
  const value = kind === 'linear' ? dot(row(features), coefficients) : Math.exp(dot(logRow(features), coefficients))
  return value * own * correction
}

function fitForm(kind: Form['form'], samples: readonly Sample[]): Form {
  const timed = samples.filter(({ ms }) => ms > 0)
  const own = samples.length > 0 ? timed.length / samples.length : 0
  const ms = timed.map((sample) => sample.ms)
  let coefficients: number[]
  if (kind === 'linear') {
    // Between absolute and relative errors: the many small layers count, and the few large ones as well.
    const weights = ms.map((value) => 1 / Math.max(value, 0.005) ** 0.75)
    coefficients = nonNegative(timed.map(row), ms, weights)
  } else {
    const flat = ms.map(() => 1)
    coefficients = leastSquares(timed.map(logRow), ms.map(Math.log), flat, 1e-4) ?? [0, 0, 0]
  }
  const [a = 0, b = 0, c = 0] = timed.length > 0 ? coefficients : []
  return {
    form: kind,
    coefficients: [a, b, c],
    own: timed.length > 0 ? own : 0,
    correction: 1,
    samples: samples.length,
  }
}

/** The form whose fit to the other models predicts each model's layers best. */
function bestForm(samples: readonly Sample[]): Form {
  const models = [...new Set(samples.map(({ model }) => model))]
  const timed = samples.filter(({ ms }) => ms > 0)
  if (models.length < 3 || timed.length < 8) return fitForm('linear', samples)
  const errors = (['linear', 'log'] as const).map((kind) => {
    const totals = models.map((held) => {
      const form = fitForm(
        kind,
        timed.filter(({ model }) => model !== held),
      )
      const own = timed.filter(({ model }) => model === held)
      return [own.reduce((sum, one) => sum + evaluate(form, one), 0), own.reduce((sum, { ms }) => sum + ms, 0)] as const
    })
    return mape(
      totals.map(([predicted]) => predicted),
      totals.map(([, observed]) => observed),
    )
  })
  return fitForm((errors[0] ?? 0) <= (errors[1] ?? 0) ? 'linear' : 'log', samples)
}
