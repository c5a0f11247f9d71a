import { expect, test } from 'vitest'
import { virtualClock } from '../../../adapters/simulation/index.ts'
import { sleep } from '../../../pipeline/index.ts'

test('virtual time passes from timer to timer, those of one moment in the order they were set', async () => {
  const clock = virtualClock()
  const seen: string[] = []
  const at = (ms: number, name: string) => void clock.after(ms, () => seen.push(`${name} ${clock.now()}`))
  at(20, 'c')
  at(10, 'a')
  at(10, 'b')
  await clock.drive(sleep(clock, 30))
  expect(seen).toEqual(['a 10', 'b 10', 'c 20'])
  expect(clock.now()).toBe(30)
  expect(clock.pending).toBe(0)
})

test('what a timer sets off happens before the next one', async () => {
  const clock = virtualClock()
  const seen: number[] = []
  const steps = async () => {
    for (let i = 0; i < 3; i++) {
      await sleep(clock, 5)
      seen.push(clock.now())
    }
  }
  clock.after(7, () => seen.push(-7))
  await clock.drive(steps())
  expect(seen).toEqual([5, -7, 10, 15])
})

test('a cancelled timer never fires, and is not counted', async () => {
  const clock = virtualClock()
  let fired = false
  const timer = clock.after(5, () => {
    fired = true
  })
  timer.cancel()
  timer.cancel()
  expect(clock.pending).toBe(0)
  await clock.drive(sleep(clock, 10))
  expect(fired).toBe(false)
})

test('work that waits for no timer is told, instead of waited for', async () => {
  await expect(virtualClock().drive(new Promise(() => {}))).rejects.toThrow(/stands still/)
})

test('what the work throws comes through', async () => {
  const clock = virtualClock()
  const work = sleep(clock, 1).then(() => {
    throw new Error('on purpose')
  })
  await expect(clock.drive(work)).rejects.toThrow('on purpose')
})

test('however many timers are cancelled, those that are left fire in order', async () => {
  const clock = virtualClock()
  const seen: number[] = []
  const timers = Array.from({ length: 2000 }, (_, i) => clock.after((i * 7919) % 2000, () => seen.push(clock.now())))
  const kept = timers.filter((timer, i) => {
    if (i % 10 !== 0) timer.cancel()
    return i % 10 === 0
  })
  expect(clock.pending).toBe(kept.length)
  await clock.drive(sleep(clock, 3000))
  expect(seen).toHaveLength(kept.length)
  expect(seen).toEqual([...seen].sort((a, b) => a - b))
  expect(clock.pending).toBe(0)
})
