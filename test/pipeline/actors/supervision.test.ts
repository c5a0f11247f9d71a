import { describe, expect, it } from 'vitest'
import { BadConfiguration, pauseAfter, Supervision } from '../../../pipeline/index.ts'
import { fakeClock, settled } from '../../../pipeline/testing/index.ts'

describe('the pauses between tries', () => {
  it('grow by their factor, up to the longest', () => {
    const policy = { first: 10, factor: 3, longest: 100 }
    expect([1, 2, 3, 4, 5].map((failures) => pauseAfter(failures, policy))).toEqual([10, 30, 90, 100, 100])
  })

  it('stay finite however often it failed', () => {
    expect(pauseAfter(10_000, { first: 1, factor: 2, longest: 500 })).toBe(500)
    expect(pauseAfter(10_000, { first: 20, factor: 1, longest: 500 })).toBe(20)
    expect(pauseAfter(10_000, { first: 0 })).toBe(0)
  })

  it('are made longer by chance, by no more than their jitter', () => {
    const policy = { first: 100, factor: 1, jitter: 0.5 }
    expect([0, 0.25, 0.5].map((chance) => pauseAfter(1, policy, () => chance))).toEqual([100, 112.5, 125])
  })
})

/** A supervision whose child fails when it is told to; `pause`: how long it then took to be started again. */
function supervised(restart: ConstructorParameters<typeof Supervision>[0]['restart']) {
  const clock = fakeClock()
  const supervision = new Supervision({ restart: { ...restart }, clock })
  /** Runs for `ms`, fails, waits for the restart. @returns the pause, ms; undefined when it is given up */
  const fail = async (ms?: number) => {
    if (ms !== undefined) {
      supervision.started()
      await clock.advance(ms)
    }
    let again: boolean | undefined
    void supervision.failed().then((granted) => {
      again = granted
    })
    await settled()
    let pause = 0
    for (; again === undefined; pause++) await clock.advance(1)
    return again ? pause : undefined
  }
  return { clock, supervision, fail }
}

describe('a supervision', () => {
  it('starts again after pauses that grow, and gives up at one failure more than it has restarts', async () => {
    const { supervision, fail, clock } = supervised({ restarts: 3, first: 10 })
    expect([await fail(), await fail(), await fail()]).toEqual([10, 20, 40])
    expect(supervision).toMatchObject({ restarts: 3, givenUp: false })
    expect(await fail()).toBeUndefined()
    expect(supervision).toMatchObject({ restarts: 3, givenUp: true })
    expect(clock.pending).toBe(0)
  })

  it('of no restarts gives up at the first failure', async () => {
    const { fail } = supervised({ restarts: 0 })
    expect(await fail(1_000_000)).toBeUndefined()
  })

  it('gives restarts and short pauses back for time that the child ran well', async () => {
    const { fail, supervision } = supervised({ restarts: 3, within: 3_000, first: 10 })
    expect([await fail(), await fail(), await fail()]).toEqual([10, 20, 40])
    // A third of the time gives one of three back.
    expect(await fail(1_000)).toBe(40)
    expect(await fail(3_000)).toBe(10)
    expect(supervision.givenUp).toBe(false)
  })

  it('goes on for ever with a child that fails no faster than its restarts come back', async () => {
    const { fail, supervision } = supervised({ restarts: 2, within: 2_000, first: 1, longest: 5 })
    for (let failure = 0; failure < 50; failure++) expect(await fail(1_000)).toBeLessThanOrEqual(5)
    expect(supervision.restarts).toBe(50)
  })

  it('gives nothing back for pauses, nor for starts that fail, however slowly they come', async () => {
    const { fail } = supervised({ restarts: 3, within: 100, first: 1_000, factor: 2, longest: 10_000 })
    expect([await fail(), await fail(), await fail(), await fail()]).toEqual([1_000, 2_000, 4_000, undefined])
  })

  it('that is closed ends its pause at once, starts nothing again, and leaves no timer', async () => {
    const { supervision, clock } = supervised({ first: 5_000 })
    const again = supervision.failed()
    supervision.close()
    expect(await again).toBe(false)
    expect(await supervision.failed()).toBe(false)
    expect(clock.pending).toBe(0)
  })

  it('names the option that is wrong', () => {
    const make = (restart: object) => () => new Supervision({ restart, clock: fakeClock() })
    expect(make({ restarts: -1 })).toThrow(BadConfiguration)
    expect(make({ factor: 0.5 })).toThrow(/restart\.factor/)
    expect(make({ backoff: 5 })).toThrow(BadConfiguration)
  })
})
