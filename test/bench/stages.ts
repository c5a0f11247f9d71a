import { Subject } from 'rxjs'
import { type Captured, type Item, type Message, picture, stage } from '../../adapters/node/index.ts'
import { median, type Row, row } from './row.ts'

/** What a message costs that passes five stages which do nothing: the framework's own time. */
export async function bench(): Promise<Row[]> {
  const nothing = (name: string) => stage<Captured, Captured, 'device'>(name, (message) => message.payload)
  const input = new Subject<Item<Captured, 'device'>>()
  let out = 0
  const subscription = input
    .pipe(nothing('capture'), nothing('device'), nothing('transfer'), nothing('cloud'), nothing('execute'))
    .subscribe(() => out++)
  const message: Message<Captured, 'device'> = {
    kind: 'message',
    id: 'a',
    source: 'device.main',
    seq: 0,
    side: 'device',
    captured: performance.now(),
    expires: Number.MAX_SAFE_INTEGER,
    payload: picture(new Uint8Array(1024)),
    plan: {},
    open: {},
    timings: {},
    attempt: 1,
  }
  const batch = 20_000
  const times: number[] = []
  for (let round = -5; round < 30; round++) {
    const started = performance.now()
    for (let index = 0; index < batch; index++) input.next(message)
    if (round >= 0) times.push(((performance.now() - started) * 1000) / batch)
  }
  subscription.unsubscribe()
  if (out !== 35 * batch) throw new Error(`${out} of ${35 * batch} messages came out`)
  return [row('five empty stages, per message', median(times), 'µs', '≤ 25')]
}
