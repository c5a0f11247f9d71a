import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Agenda } from '../../../adapters/simulation/agenda.ts'

test('steps happen in order of time, those of one moment in the order they were put down', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), (times) => {
      const agenda = new Agenda<number>()
      const seen: [number, number][] = []
      times.forEach((at, i) => {
        agenda.put(at, (of) => seen.push([agenda.now, of]), i)
      })
      agenda.run()
      const expected = times.map((at, i): [number, number] => [at, i]).sort((a, b) => a[0] - b[0] || a[1] - b[1])
      expect(seen).toEqual(expected)
    }),
  )
})

test('time never goes back: a step for a moment that has passed happens now', () => {
  const agenda = new Agenda<string>()
  const seen: [number, string][] = []
  const note = (of: string) => seen.push([agenda.now, of])
  agenda.put(
    10,
    (of) => {
      note(of)
      agenda.put(3, note, 'late')
    },
    'first',
  )
  agenda.put(11, note, 'last')
  agenda.run()
  expect(seen).toEqual([
    [10, 'first'],
    [10, 'late'],
    [11, 'last'],
  ])
})
