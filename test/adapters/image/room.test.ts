import { describe, expect, it } from 'vitest'
import { Room } from '../../../adapters/image/room.ts'
import { Cancelled, DeadlineExceeded } from '../../../pipeline/index.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Work that ends when it is told to. */
function job(room: Room, bytes: number, signal?: AbortSignal, patience = 60_000) {
  const state = { begun: false, end: () => {}, done: Promise.resolve<unknown>(undefined) }
  state.done = room
    .use(bytes, patience, signal, () => {
      state.begun = true
      return new Promise<void>((resolve) => {
        state.end = resolve
      })
    })
    .catch((error: unknown) => error)
  return state
}

describe('the memory that pictures share', () => {
  it('is never taken beyond what there is, and is given on when work has ended', async () => {
    const room = new Room(100)
    const jobs = [40, 40, 40, 10].map((bytes) => job(room, bytes))
    await turn()
    expect(jobs.map(({ begun }) => begun)).toEqual([true, true, false, false])
    jobs[0]?.end()
    await turn()
    expect(jobs.map(({ begun }) => begun)).toEqual([true, true, true, true])
  })

  it('is all of one that needs more than there is', async () => {
    const room = new Room(100)
    const jobs = [500, 1].map((bytes) => job(room, bytes))
    await turn()
    expect(jobs.map(({ begun }) => begun)).toEqual([true, false])
    jobs[0]?.end()
    await turn()
    expect(jobs[1]?.begun).toBe(true)
  })

  it('is not given to who has left the line, and who came behind does not wait for it', async () => {
    const room = new Room(100)
    const gone = new AbortController()
    const [first, second, third] = [job(room, 60), job(room, 100, gone.signal), job(room, 40)]
    await turn()
    expect(third.begun).toBe(false)
    gone.abort(new Error('nobody waits'))
    expect(await second.done).toBeInstanceOf(Cancelled)
    await turn()
    expect([first.begun, second.begun, third.begun]).toEqual([true, false, true])
  })

  it('ends the wait of who has waited long enough, by name', async () => {
    const room = new Room(1)
    job(room, 1)
    expect(await job(room, 1, undefined, 5).done).toBeInstanceOf(DeadlineExceeded)
  })
})
