import type { Observable } from 'rxjs'
import {
  type Capture,
  type Captured,
  capture,
  type ImageEngine,
  type Pipeline,
  pipeline,
  type Result,
  type RunningDevice,
  type Source,
  stage,
  transfer,
} from '../../adapters/node/index.ts'
import type { ModelInput } from '../../stages/index.ts'
import type { Ledger } from './row.ts'

const answer: Result = { form: 'result', at: 'answered', model: 'none', label: 'nothing', score: 1, top: [] }
const input: ModelInput = {
  name: 'input',
  type: 'float32',
  channels: 'rgb',
  resize: 'cover',
  layout: 'NCHW',
  width: 224,
  height: 224,
  crop: 0.875,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}

/** A pipeline whose cloud takes `ms` for each picture. */
export function flow(
  source: Source,
  options: { readonly deadline: number; readonly window?: number; ms?: number },
): Pipeline {
  const { ms = 5, ...rest } = options
  return pipeline(
    'faults',
    { ...rest },
    source,
    transfer(),
    stage<Captured, Result, 'cloud'>('answer', async () => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      return answer
    }),
  )
}

/** A pipeline whose cloud decodes and shrinks each picture, four at once. */
export function decoding(source: Source, images?: ImageEngine, options: { readonly window?: number } = {}): Pipeline {
  return pipeline(
    'faults',
    { deadline: 10_000, ...options },
    source,
    transfer(),
    stage<Captured, Result, 'cloud'>(
      'decode',
      async ({ payload }, { signal }) => {
        await images?.prepare(payload, input, { encoding: 'tensor', signal })
        return answer
      },
      { concurrency: 4 },
    ),
  )
}

/** Every frame waits in line, or only the freshest. */
export const framesOf = (frames: Observable<Capture>, live: boolean): Source =>
  live ? capture(frames) : capture(frames, { live: false })

/** One answer: ms since its capture and on the local clock. */
export interface Answered {
  readonly at: number
  readonly age: number
}

/** Keeps the accounts of a device beside its own: what was told, and how old it was then. */
export function booked(running: RunningDevice): { ledger(): Ledger; readonly answers: readonly Answered[] } {
  const ended = new Map<string, number>()
  const codes: Record<string, number> = {}
  const answers: Answered[] = []
  running.events.stream.subscribe((event) => {
    if (event.type !== 'settled') return
    const { item } = event
    const key = `${item.source} ${item.seq}`
    ended.set(key, (ended.get(key) ?? 0) + 1)
    const now = performance.now()
    if (item.kind === 'failure') codes[item.error.code] = (codes[item.error.code] ?? 0) + 1
    if (item.kind === 'message') answers.push({ at: now, age: now - item.captured })
  })
  return {
    answers,
    ledger: () => ({
      ...running.counts,
      duplicated: [...ended.values()].filter((times) => times > 1).length,
      codes,
    }),
  }
}
