import type { Observable } from 'rxjs'
import {
  type Capture,
  type Captured,
  capture,
  type Pipeline,
  pipeline,
  type Result,
  type RunningDevice,
  type Source,
  stage,
  transfer,
} from '../../adapters/node/index.ts'
import type { Ledger } from './row.ts'

/** A pipeline whose cloud takes `ms` for each picture and answers with the number of the first byte. */
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
      return { form: 'result', at: 'answered', model: 'none', label: 'nothing', score: 1, top: [] }
    }),
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
