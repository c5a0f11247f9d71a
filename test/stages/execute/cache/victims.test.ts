import { expect, it } from 'vitest'
import { chooseVictims } from '../../../../stages/execute/cache/index.ts'

const all = [
  { name: 'a', bytes: 10, worth: 1 },
  { name: 'b', bytes: 20, worth: 2 },
  { name: 'c', bytes: 50, worth: 3 },
  { name: 'd', bytes: 40, worth: 4 },
]
const names = (needed: number) => chooseVictims(all, needed, ({ worth }) => worth)?.map(({ name }) => name)

it('the least worth go, as many as are needed', () => {
  expect(names(10)).toEqual(['a'])
  expect(names(30)).toEqual(['b', 'a'])
})

it('of those only the largest that suffice: nothing goes for nothing', () => {
  expect(names(31)).toEqual(['c'])
  expect(names(80)).toEqual(['c', 'b', 'a'])
  expect(names(81)).toEqual(['c', 'd'])
})

it('none goes when all together do not suffice', () => {
  expect(names(121)).toBeUndefined()
})

it('none goes when nothing is needed', () => {
  expect(names(0)).toEqual([])
})
