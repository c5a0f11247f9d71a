import { map, Observable } from 'rxjs'
import { amend, type Decider, decide, type Item, type Menu, Refused, sleep } from '../../pipeline/index.ts'
import type { Link } from '../../pipeline/running/chain.ts'
import { delaying, dropping, erroring, failing, losing, passThrough } from '../../pipeline/testing/index.ts'
import type { Trouble } from './scene.ts'

function refuse(): never {
  throw new Error('on purpose')
}

/** What may be thrown, beside errors. */
const thrown: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => 'text',
  () => Symbol('no'),
  () => Object.create(null),
  () => new Proxy({}, { get: refuse, getPrototypeOf: refuse }),
  () => new Refused('busy', { retryAfter: 5 }),
]

/** What may be given in the place of a payload or an item. */
const given: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => 7,
  () => ({}),
  () => ({ kind: 'surprise' }),
  () => ({ form: 'result' }),
  () => ({ form: 'result', at: 'answered', label: 'mug', score: Number.NaN, top: [] }),
  () => ({ form: 'tensors', at: 'prepared' }),
  () => Promise.reject('torn'),
  () => Promise.resolve(null),
  () => new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse }),
]

const pick = <T>(list: readonly T[], n: number) => list[n % list.length] as T

/** Deciders that follow the rules, in all their fields. */
function proper(n: number): Decider {
  return {
    name: `proper${n % 7}`,
    decide(request, _world, menu) {
      const cuts = menu.cuts.filter((cut) => cut === 'answered' || cut === 'captured')
      const chosen = cuts.length > 0 ? [pick(cuts, request.seq + n)] : menu.cuts
      const backups = n % 3 === 0 && menu.lastAge !== undefined ? (['last'] as const) : menu.backups
      return { ...menu, cuts: chosen, backups, ...(n % 4 === 0 ? { accept: 0.9 } : {}) } as Menu
    },
    observe: n % 5 === 0 ? refuse : () => {},
    probed: n % 5 === 1 ? refuse : () => {},
  } as Decider
}

function odd(n: number): Decider {
  const strange: readonly (() => unknown)[] = [
    refuse,
    () => null,
    () => 'answered',
    () => ({}),
    () => ({ models: [], cuts: [], encodings: [], targets: [], backups: [] }),
    () => ({
      models: ['nobody'],
      cuts: ['after:nothing'],
      encodings: ['smoke'],
      targets: ['node:x y'],
      backups: ['model:none'],
    }),
    () => ({
      models: [null],
      cuts: [7],
      encodings: [{}],
      targets: [undefined],
      backups: [Symbol('x')],
      backupAfter: Number.NaN,
      accept: 'high',
    }),
  ]
  return { name: 'odd', decide: pick(strange, n), ...(n % 2 === 0 ? { explain: refuse } : {}) } as unknown as Decider
}

/** A stage, an operator or deciders that do one thing, right or wrong, now and then. */
export function partOf({ kind, every, n }: Trouble): Link {
  const now = (seq: number) => seq % every === 0
  const part = () => {
    switch (kind) {
      case 'pass':
        return passThrough()
      case 'delay':
        return delaying(({ seq }) => (seq * 37) % (n + 1), { concurrency: every })
      case 'fail':
        return failing(every)
      case 'drop':
        return dropping(every)
      case 'lose':
        return losing(every)
      case 'break':
        return erroring(every)
      case 'retry':
        return failing(every, () => new Refused('busy', { retryAfter: n }), { retry: { times: 2, first: n } })
      case 'hang':
        // Heeds nothing: its budget has to end it. No timer of its own is left behind.
        return amend('hang', (message) => (now(message.seq) ? new Promise(() => {}) : message), { concurrency: every })
      case 'throw-odd':
        return amend('throw', (message) => {
          if (now(message.seq)) throw pick(thrown, n)()
          return message
        })
      case 'give-odd':
        return amend('give', (message) => (now(message.seq) ? (pick(given, n)() as Item) : message))
      case 'give-other':
        return amend('other', (message) => (now(message.seq) ? { ...message, id: `${message.id}x` } : message))
      case 'emit-odd':
        return (source: Observable<Item>) =>
          source.pipe(
            map((item) => (now(item.seq) ? (pick([null, undefined, 7, {}, 'text'], n) as unknown as Item) : item)),
          )
      case 'raw-throw':
        return (source: Observable<Item>) =>
          new Observable<Item>((to) =>
            source.subscribe({
              next: (item) => (now(item.seq) ? refuse() : to.next(item)),
              error: (error) => to.error(error),
              complete: () => to.complete(),
            }),
          )
      case 'decide':
        return decide(proper(n), ...(every > 3 ? [proper(n + 1)] : []))
      case 'decide-odd':
        return decide(proper(n), odd(n))
      case 'filter-throws':
        return amend('late', async (message, { context, signal }) => {
          await sleep(context.clock, n, signal)
          if (now(message.seq)) refuse()
          return message
        })
    }
  }
  return part() as unknown as Link
}
