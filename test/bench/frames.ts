import { Packr } from 'msgpackr'
import { nodePlatform } from '../../adapters/platform/index.ts'
import { join, type Parts, type Platform, packFrame, webPlatform } from '../../pipeline/index.ts'
import { imageMessage } from '../../pipeline/testing/index.ts'
import { encodeMessage } from '../../pipeline/wire/codec.ts'
import { readUp } from '../../pipeline/wire/hand-over.ts'
import { frameOf } from '../pipeline/wire/frame-of.ts'
import { median, type Row, row } from './row.ts'

/** What looks at nothing, to take the check's cost from. */
const unchecked: Pick<Platform, 'crc32'> = { crc32: () => 0 }
const turns = 1000

/**
 * What a frame's checks cost, and what it costs to look at a header, one that is right and those that somebody made to
 * cost much: medians of 1,000 after a warm-up; what is compared takes turns.
 */
export async function bench(): Promise<Row[]> {
  const rows: Row[] = []
  for (const [label, bytes, aim] of [
    ['1 KB', 1024, '≤ 1'],
    ['100 KB', 100 * 1024, '≤ 30'],
  ] as const) {
    // As it comes off a socket: somewhere in a larger buffer.
    const part = new Uint8Array(bytes + 3).map((_, at) => at * 31).subarray(3)
    for (const platform of [nodePlatform, webPlatform]) {
      const us = medianUs(() => platform.crc32(part))
      rows.push(row(`check of ${label}, ${platform.name}`, us, 'µs', platform === nodePlatform ? aim : ''))
    }
    const { header } = encodeMessage(imageMessage({ run: '0123456789ab' }), 0)
    const message = { kind: 'message', message: header }
    const [checked = 0, bare = 0] = compared(
      () => packFrame(message, [part], undefined, undefined, nodePlatform),
      () => packFrame(message, [part], undefined, undefined, unchecked),
    )
    rows.push(row(`checks of a whole frame of ${label}, sent`, checked - bare, 'µs', aim))
  }
  const { header } = encodeMessage(imageMessage({ run: '0123456789ab' }), 0)
  const { run: _run, ...nameless } = header
  const bytesOf = (message: object) => join(packFrame({ kind: 'message', message })).byteLength
  rows.push(row('the checks of a frame', 8, 'bytes'))
  rows.push(row('the run in a message', bytesOf(header) - bytesOf(nameless), 'bytes'))
  for (const [name, frame] of Object.entries(headers(header))) {
    rows.push(
      row(
        `header: ${name}`,
        medianUs(() => refused(frame)),
        'µs',
        '≤ 100',
      ),
    )
  }
  // What is within all bounds is decoded: it costs what its values cost.
  for (const [name, frame] of Object.entries(within())) {
    rows.push(
      row(
        `header: ${name}`,
        medianUs(() => refused(frame)),
        'µs',
      ),
    )
  }
  return rows
}

/** Headers that are refused, but for the first: as short as their sender could make them for what they ask to be looked at. */
function headers(honest: object): Readonly<Record<string, Parts>> {
  const packr = new Packr({ useRecords: false })
  const framed = (header: object) => frameOf(packr.pack(header))
  const message = (change: object) => framed({ kind: 'message', message: { ...honest, ...change } })
  const filled = (byte: number, bytes: number, ...start: number[]) => {
    const all = new Uint8Array(bytes).fill(byte)
    all.set(start)
    return frameOf(all)
  }
  const result = { form: 'result', at: 'answered', model: 'm', label: 'l', score: 1, top: [] }
  return {
    'a right one': message({}),
    'a list of 1,000 wrong entries': message({ open: { models: new Array(1000).fill(1) } }),
    'a list of 1,000 objects without their fields': message({
      payload: { ...result, boxes: new Array(1000).fill({}) },
    }),
    'every field wrong': message(Object.fromEntries(Object.keys(honest).map((name) => [name, []]))),
    'a name that is a number of 250 KB': filled(0xff, 250_000, 0x81, 0xc9, 0, 0x03, 0xd0, 0x8a, 0x42),
    'a list of 250,000 zeros': filled(0, 250_005, 0xdd, 0, 0x03, 0xd0, 0x90),
    '500 KB of anything': filled(0, 500_000, 0x80),
    '3,500 lists in one another': filled(0x91, 3500),
    'an object of 8,000 fields': message(Object.fromEntries(Array.from({ length: 8000 }, (_, n) => [`k${n}`, 0]))),
    'a text of 250 KB': message({ id: 'x'.repeat(250_000) }),
  }
}

/** As many values as a header may have. */
function within(): Readonly<Record<string, Parts>> {
  const many = new Array(5000).fill({ a: 0 })
  return {
    '15,000 values of no meaning': packFrame({ kind: 'probe', many }),
    '15,000 values, of which 16 names must be understood': packFrame({
      kind: 'probe',
      many,
      must: new Array(16).fill('many.a'),
    }),
  }
}

/** Reads it; most are refused. */
function refused(frame: Parts): void {
  try {
    readUp(frame, undefined, nodePlatform)
  } catch {}
}

function medianUs(work: () => unknown): number {
  return compared(work)[0] ?? 0
}

/** Medians of each, in turns. */
function compared(...works: readonly (() => unknown)[]): number[] {
  const times = works.map((): number[] => [])
  // So short that the clock's own step would show.
  const repeats = 8
  for (let turn = -turns / 2; turn < turns; turn++) {
    for (const [at, work] of works.entries()) {
      const started = performance.now()
      for (let again = 0; again < repeats; again++) work()
      if (turn >= 0) times[at]?.push(((performance.now() - started) / repeats) * 1000)
    }
  }
  return times.map(median)
}
