import { mean } from 'simple-statistics'
import { random } from '../../../adapters/simulation/index.ts'
import { type Row, row } from '../rows.ts'
import { overSeeds } from '../statistics.ts'
import { type MeasuredPicture, measured, ways } from './measured.ts'
import { features, type Predictor, predictors } from './predictors.ts'

const table = 'PieSlicer: predictors, on what was measured here'
/** Cross-validation, as the authors had it. */
const folds = 10
/** Nearer to each other than this, as a share of the better one, nobody can tell which way is right. */
const indifferent = 0.05

/** What one predictor made of one picture that it was not trained on. */
interface Guess {
  /** |predicted − measured| ÷ measured, of either way. */
  readonly error: number
  /** Whether it chose the faster way; undefined where nobody can tell. */
  readonly right: boolean | undefined
  /** ms of the way it chose, and of the faster one. */
  readonly paid: number
  readonly best: number
}

/**
 * PieSlicer's table of predictors: linear, KNN, random forest, lasso, SVR, and ours, on pictures that were really prepared
 * and sent (`npm run papers:measure`). What they take to train and to use varies from run to run: it is told in remarks.
 */
export function compared(): { readonly rows: readonly Row[]; readonly remarks: readonly string[] } {
  const { pictures, slowdown, link, machine } = measured()
  const shuffled = order(pictures.length).map((at) => pictures[at] as MeasuredPicture)
  const rows: Row[] = []
  const times: string[] = []
  for (const predictor of predictors()) {
    const { guesses, trainMs, useUs } = validated(predictor, shuffled, slowdown)
    times.push(`${predictor.name} ${inOrder(trainMs)} ms and ${inOrder(useUs)} µs`)
    rows.push(...rowsOf(predictor.name, guesses))
  }
  for (const [name, of] of [
    ['always on the device', ({ local }) => local],
    ['always in the cloud', ({ remote }) => remote],
  ] as const satisfies [string, (way: ReturnType<typeof ways>) => number][]) {
    const guesses = shuffled.map((picture) => {
      const way = ways(picture, slowdown)
      return { error: 0, ...judged(of(way), way) }
    })
    rows.push(...rowsOf(name, guesses).filter(({ point }) => !point.includes('MAPE')))
  }
  return {
    rows,
    remarks: [
      `Predictors: ${pictures.length} pictures measured on ${machine}: prepared by the real engine, sent through a real NATS server behind an emulated link (${link.bitsPerSecond / 1e6} Mbit/s, ${link.delay} ms each way); the device is the same machine, taken ${slowdown} times as slow. ${folds}-fold cross-validation.`,
      'Lasso is our own coordinate descent; KNN looks at bytes and pixels, linear and ours at bytes alone (as PieSlicer deploys it), the others at all eight features. Settings are stated in predictors.ts, none was searched for.',
      `To train on nine tenths and to use once, about, in this run: ${times.join('; ')}.`,
    ],
  }
}

function validated({ train }: Predictor, pictures: readonly MeasuredPicture[], slowdown: number) {
  const guesses: Guess[] = []
  let [training, using] = [0, 0]
  for (let fold = 0; fold < folds; fold++) {
    const known = pictures.filter((_, i) => i % folds !== fold)
    const unknown = pictures.filter((_, i) => i % folds === fold)
    const x = known.map(features)
    const began = performance.now()
    const local = train(
      x,
      known.map((one) => ways(one, slowdown).local),
    )
    const remote = train(
      x,
      known.map((one) => ways(one, slowdown).remote),
    )
    training += performance.now() - began
    for (const picture of unknown) {
      const seen = features(picture)
      const asked = performance.now()
      const guess = { local: local(seen), remote: remote(seen) }
      using += performance.now() - asked
      const way = ways(picture, slowdown)
      const off = (name: 'local' | 'remote') => Math.abs(guess[name] - way[name]) / way[name]
      const chosen = guess.local < guess.remote ? way.local : way.remote
      guesses.push({ error: (off('local') + off('remote')) / 2, ...judged(chosen, way) })
    }
  }
  return { guesses, trainMs: training / folds, useUs: (1000 * using) / pictures.length }
}

function judged(paid: number, { local, remote }: ReturnType<typeof ways>): Omit<Guess, 'error'> {
  const best = Math.min(local, remote)
  return { paid, best, right: Math.abs(local - remote) <= indifferent * best ? undefined : paid === best }
}

function rowsOf(name: string, guesses: readonly Guess[]): Row[] {
  const estimate = (point: string, statistic: (drawn: readonly Guess[]) => number, published?: string) => {
    const { value, interval } = overSeeds(guesses, statistic)
    return row(table, `${name}: ${point}`, value, { interval, ...(published ? { published } : {}) })
  }
  const share = (drawn: readonly Guess[]) => {
    const clear = drawn.filter(({ right }) => right !== undefined)
    return clear.filter(({ right }) => right).length / clear.length
  }
  return [
    estimate('decisions right (share)', share, '0.98 to 0.99'),
    estimate('MAPE (%)', (drawn) => 100 * mean(drawn.map(({ error }) => error)), '–'),
    estimate(
      'ms above the faster way (share)',
      (drawn) => drawn.reduce((sum, { paid }) => sum + paid, 0) / drawn.reduce((sum, { best }) => sum + best, 0) - 1,
      '–',
    ),
  ]
}

/** The pictures' order, shuffled once (Fisher and Yates). */
function order(count: number): number[] {
  const places = Array.from({ length: count }, (_, i) => i)
  const { uniform } = random(1, 'folds')
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((i + 1) * uniform())
    ;[places[i], places[j]] = [places[j] as number, places[i] as number]
  }
  return places
}

/** To one digit: what a measurement of a moment is worth. */
const inOrder = (value: number) => Number(value.toPrecision(1))
