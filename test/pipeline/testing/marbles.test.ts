import { map, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type Item, pipeline, standaloneContext } from '../../../pipeline/index.ts'
import {
  answering,
  camera,
  collect,
  delaying,
  dropping,
  erroring,
  failing,
  fakeClock,
  frames,
  imageMessage,
  losing,
  passThrough,
  playMarbles,
  runStage,
} from '../../../pipeline/testing/index.ts'

const items = { a: imageMessage({ n: 0 }), b: imageMessage({ n: 1 }), c: imageMessage({ n: 2 }) }

describe('marbles', () => {
  it('come out as they went in, frame by frame, through a stage that does nothing', async () => {
    for (const diagram of ['a|', '-a--(bc)-|', '(abc|)', '---|']) {
      expect(await playMarbles(passThrough(), diagram, items)).toBe(diagram)
    }
  })

  it('move by as many frames as a stage takes', async () => {
    expect(await playMarbles(delaying(30), 'a|', items)).toBe('---(a|)')
    expect(await playMarbles(delaying(30), 'a|', items, { frame: 30 })).toBe('-(a|)')
  })

  it('show failures, drops, losses and errors as what they are', async () => {
    expect(await playMarbles(failing(2), 'abc|', items)).toBe('AbC|')
    expect(await playMarbles(dropping(2), 'abc|', items)).toBe('~ab~c|')
    expect(await playMarbles(losing(2), 'abc|', items)).toBe('-b-|')
    expect(await playMarbles(erroring(3), 'bca', items)).toBe('bc#')
  })

  it('do not end where the stage does not', async () => {
    expect(await playMarbles(passThrough(), 'a-', items, { rest: 3 })).toBe('a')
    expect(await playMarbles(delaying(1e9), 'a|', { a: imageMessage({ expires: 1e12 }) }, { rest: 3 })).toBe('')
  })

  it('name what a diagram holds that is no item', async () => {
    await expect(playMarbles(passThrough(), 'az', items)).rejects.toThrow(/"z".*a, b, c/)
  })
})

describe('runStage', () => {
  it('gives all that comes out, of stages and of plain operators, in the context given', async () => {
    const clock = fakeClock(77)
    const out = await runStage(
      answering(() => ({ label: 'x' })),
      [items.a],
      standaloneContext({ clock }),
    )
    expect(out).toMatchObject([{ id: 'm0', payload: { label: 'x' }, timings: { execute: 0 } }])
    expect(await runStage(map((item: Item) => item) as never, [items.a, items.b])).toEqual([items.a, items.b])
  })

  it('rejects with what the stream ends with', async () => {
    await expect(runStage((() => throwError(() => new Error('dead'))) as never, [items.a])).rejects.toThrow('dead')
  })
})

describe('collect', () => {
  it('gives all that became of a run, and what it ended with', async () => {
    const clock = fakeClock()
    const source = frames([...frameList(5), new Error('fell')])
    const all = collect(pipeline('a', { clock }, source, failing(2), dropping(3), answering()).run())
    await clock.advance(100)
    const { answers, failures, dropped, counts, events, error } = await all
    expect([answers, failures, dropped].map((list) => list.map(({ seq }) => seq))).toEqual([[1], [0, 2, 4], [3]])
    expect(counts).toEqual({ in: 5, results: 1, failures: 3, dropped: 1 })
    expect(events.filter(({ type }) => type === 'settled')).toHaveLength(5)
    expect(error).toMatchObject({ message: 'fell' })
  })
})

describe('a camera', () => {
  it('shows what it is told to, to whoever watches', async () => {
    const clock = fakeClock()
    const shown = camera()
    expect(shown.watched).toBe(false)
    const all = collect(pipeline('a', { clock }, shown, answering()).run())
    await clock.advance(0)
    expect(shown.watched).toBe(true)
    shown.show()
    shown.show({ id: 'named', stream: 'left' })
    shown.show({ error: new Error('torn') })
    shown.end()
    await clock.advance(100)
    const { answers, failures } = await all
    expect(answers.map(({ id, source }) => [id === 'named', source.split('.')[1]])).toEqual([
      [false, 'main'],
      [true, 'left'],
    ])
    expect(failures).toHaveLength(1)
  })
})

function frameList(count: number) {
  return Array.from({ length: count }, () => ({
    payload: { form: 'image', at: 'captured', bytes: new Uint8Array(1) } as const,
  }))
}
