import { type Observable, type OperatorFunction, Subject } from 'rxjs'
import { type StageContext, standaloneContext } from '../context.ts'
import type { Item } from '../message.ts'
import type { OpenStage, StageDefinition } from '../stage.ts'
import { type FakeClock, fakeClock, settled } from './clock.ts'

/** A stage of ours, or any RxJS operator that gives items, however narrow what it takes. */
export type AnyStage = ((source: Observable<never>) => Observable<Item>) & { readonly definition?: StageDefinition }

/**
 * Sends items through a stage, all at once, and gives what comes out, in that order. The stage is opened, completed
 * and closed. Rejects with what the stage's stream ends with, if it errors.
 *
 *     const out = await runStage(preprocess(), [imageMessage({ n: 0 }), imageMessage({ n: 1 })], { clock })
 */
export async function runStage(
  stage: AnyStage,
  items: Iterable<Item>,
  context: Partial<StageContext> = {},
): Promise<readonly Item[]> {
  const open = await openOf(stage, context)
  const out: Item[] = []
  const input = new Subject<Item>()
  try {
    await new Promise<void>((resolve, reject) => {
      input.pipe(open.operator).subscribe({ next: (item) => void out.push(item), error: reject, complete: resolve })
      for (const item of items) input.next(item)
      input.complete()
    })
  } finally {
    await open.close()
  }
  return out
}

export interface MarbleOptions {
  /** One character of the diagram, ms. Default 10. */
  readonly frame?: number
  /** Frames after the input's last in which the stage may still finish. Default 100. */
  readonly rest?: number
  readonly context?: Partial<StageContext>
  readonly clock?: FakeClock
}

/**
 * Plays a marble diagram into a stage, on a fake clock, and draws what comes out.
 *
 * `-` is one frame of time, a letter an item, `(ab)` items of one frame, `|` the end. Out come the same letters, at
 * the frame they left: `a` a message, `A` the message as a failure, `~a` dropped; `#` an error of the stream. A group
 * is one frame wide, however many items it holds.
 *
 *     const items = { a: imageMessage({ n: 0 }), b: imageMessage({ n: 1 }) }
 *     expect(await playMarbles(delaying(20, { concurrency: 2 }), 'ab|', items)).toBe('--a(b|)')
 *
 * Items are told apart by their ids.
 */
export async function playMarbles(
  stage: AnyStage,
  diagram: string,
  items: Readonly<Record<string, Item>>,
  { frame = 10, rest = 100, context = {}, clock = fakeClock() }: MarbleOptions = {},
): Promise<string> {
  const open = await openOf(stage, { ...context, clock })
  const names = new Map(Object.entries(items).map(([letter, item]) => [item.id, letter]))
  const input = new Subject<Item>()
  const drawn: string[][] = []
  const started = clock.now()
  let over = false
  const draw = (mark: string) => {
    const at = Math.floor((clock.now() - started) / frame)
    while (drawn.length <= at) drawn.push([])
    drawn[at]?.push(mark)
  }
  const subscription = input.pipe(open.operator).subscribe({
    next: (item) => draw(marked(item, names.get(item.id) ?? '?')),
    error: () => {
      over = true
      draw('#')
    },
    complete: () => {
      over = true
      draw('|')
    },
  })
  for (const moment of moments(diagram)) {
    for (const mark of moment) {
      if (mark === '|') input.complete()
      else input.next(known(items, mark))
    }
    // What needs no time has left in this frame already.
    await settled()
    await clock.advance(frame)
  }
  for (let frames = 0; frames < rest && !over; frames++) await clock.advance(frame)
  subscription.unsubscribe()
  await open.close()
  return drawn.map(pictured).join('')
}

async function openOf(stage: AnyStage, context: Partial<StageContext>): Promise<OpenStage> {
  const { definition } = stage
  return definition
    ? definition.open(standaloneContext(context))
    : { operator: stage as unknown as OperatorFunction<Item, Item>, close: async () => {} }
}

/** The marks of each frame. */
function moments(diagram: string): string[][] {
  const tokens = diagram.replace(/ /g, '').match(/\([^()]*\)|./g) ?? []
  return tokens.map((token) => (token === '-' ? [] : token.startsWith('(') ? [...token.slice(1, -1)] : [token]))
}

function known(items: Readonly<Record<string, Item>>, mark: string): Item {
  const item = items[mark]
  if (!item) throw new TypeError(`The diagram holds "${mark}", which is none of: ${Object.keys(items).join(', ')}.`)
  return item
}

function marked(item: Item, letter: string): string {
  if (item.kind === 'failure') return letter.toUpperCase()
  return item.kind === 'dropped' ? `~${letter}` : letter
}

function pictured(marks: readonly string[]): string {
  if (marks.length === 0) return '-'
  return marks.length === 1 ? (marks[0] as string) : `(${marks.join('')})`
}
