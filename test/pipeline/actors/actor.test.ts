import { describe, expect, it } from 'vitest'
import {
  type ActorOptions,
  ActorStopped,
  actor,
  BadConfiguration,
  DeadlineExceeded,
  Events,
  later,
  MailboxFull,
  type PipelineEvent,
  sleep,
} from '../../../pipeline/index.ts'
import { fakeClock, settled } from '../../../pipeline/testing/index.ts'

/** An actor that answers `word!`, crashes on `crash`, works 100 ms on `work`, for ever on `hang`. */
function bench(options: Omit<ActorOptions, 'clock' | 'events'> = {}) {
  const clock = fakeClock()
  const events = new Events()
  const seen: PipelineEvent[] = []
  events.stream.subscribe((event) => seen.push(event))
  const life: string[] = []
  let lives = 0
  const one = actor<string, string>(
    'one',
    () => {
      const me = ++lives
      life.push(`start ${me}`)
      return {
        async receive(word) {
          life.push(word)
          if (word === 'crash') throw new Error('crashed')
          if (word === 'work') await sleep(clock, 100)
          if (word === 'hang') await new Promise(() => {})
          return `${word}!`
        },
        stop: () => void life.push(`stop ${me}`),
      }
    },
    { ...options, clock, events },
  )
  return { clock, seen, life, one }
}

/** How a promise ended, or that it has not. */
function ended(promise: Promise<unknown>) {
  const state: { value?: unknown; error?: unknown; open: boolean } = { open: true }
  promise.then(
    (value) => Object.assign(state, { value, open: false }),
    (error) => Object.assign(state, { error, open: false }),
  )
  return state
}

describe('an actor', () => {
  it('starts with its first message, and handles one at a time, in the order they came', async () => {
    const { clock, life, one } = bench()
    expect(life).toEqual([])
    const answers = ['work', 'b', 'c'].map((word) => one.ask(word, 1000))
    await clock.advance(99)
    expect(life).toEqual(['start 1', 'work'])
    await clock.advance(1)
    expect(await Promise.all(answers)).toEqual(['work!', 'b!', 'c!'])
    expect(life).toEqual(['start 1', 'work', 'b', 'c'])
    expect(clock.pending).toBe(0)
  })

  it('loses the message that crashed it and no other', async () => {
    const { clock, life, one } = bench()
    const crashed = ended(one.ask('crash', 1000))
    const told = one.tell('told')
    const asked = one.ask('asked', 1000)
    await clock.advance(1000)
    expect(crashed.error).toMatchObject({ message: 'crashed' })
    await told
    expect(await asked).toBe('asked!')
    expect(life).toEqual(['start 1', 'crash', 'stop 1', 'start 2', 'told', 'asked'])
  })

  it('is started again with backoff: not before its pause, and each pause longer', async () => {
    const { clock, life, seen, one } = bench({ restart: { first: 50, factor: 2 } })
    void one.tell('crash')
    void one.tell('crash')
    await one.tell('after')
    await clock.advance(49)
    expect(life).toEqual(['start 1', 'crash', 'stop 1'])
    await clock.advance(1)
    expect(life.slice(3)).toEqual(['start 2', 'crash', 'stop 2'])
    await clock.advance(99)
    expect(life).not.toContain('after')
    await clock.advance(1)
    expect(life).toContain('after')
    expect(one.restarts).toBe(2)
    expect(seen.map((event) => event.type === 'restarted' && event.restarts)).toEqual([1, 2])
  })

  it('escalates when its restart budget ends: those that wait, and those that come, get ActorStopped with the cause', async () => {
    const escalated: unknown[] = []
    const { clock, life, seen, one } = bench({
      restart: { restarts: 1, first: 10 },
      onCrash: (error, final) => final && escalated.push(error),
    })
    const crashes = [one.ask('crash', 1000), one.ask('crash', 1000)].map(ended)
    const waiting = ended(one.ask('waiting', 1000))
    await clock.advance(10)
    expect(crashes.map(({ error }) => (error as Error).message)).toEqual(['crashed', 'crashed'])
    expect(waiting.error).toBeInstanceOf(ActorStopped)
    expect((waiting.error as Error).cause).toMatchObject({ message: 'crashed' })
    await expect(one.ask('later', 1000)).rejects.toBeInstanceOf(ActorStopped)
    await expect(one.tell('later')).rejects.toBeInstanceOf(ActorStopped)
    expect(escalated).toMatchObject([{ message: 'crashed' }])
    expect(seen.map(({ type }) => type)).toEqual(['restarted', 'escalated'])
    expect(life.at(-1)).toBe('stop 2')
    expect(clock.pending).toBe(0)
  })

  it('that cannot start loses no message: it tries again until its budget ends', async () => {
    const clock = fakeClock()
    let tries = 0
    const slow = actor<string, string>(
      'slow',
      () => {
        if (++tries < 3) throw new Error('not yet')
        return { receive: (word) => word }
      },
      { clock },
    )
    const asked = slow.ask('patient', 1000)
    await clock.advance(1000)
    expect(await asked).toBe('patient')
    expect(tries).toBe(3)

    const never = actor<string, string>('never', () => Promise.reject(new Error('no port')), {
      clock,
      restart: { restarts: 2 },
    })
    const lost = ended(never.ask('lost', 10_000))
    await clock.advance(1000)
    expect(lost.error).toBeInstanceOf(ActorStopped)
    expect((lost.error as Error).message).toContain('no port')
    expect(clock.pending).toBe(0)
  })

  it('goes on when freeing what a crash left behind fails, and says so', async () => {
    const clock = fakeClock()
    const events = new Events()
    const faults: unknown[] = []
    events.stream.subscribe((event) => event.type === 'fault' && faults.push(event.error))
    const one = actor<boolean, string>(
      'one',
      () => ({
        receive(crash) {
          if (crash) throw new Error('crashed')
          return 'alive'
        },
        stop: () => Promise.reject(new Error('stuck')),
      }),
      { clock, events },
    )
    void one.tell(true)
    const asked = one.ask(false, 1000)
    await clock.advance(100)
    expect(await asked).toBe('alive')
    expect(faults).toMatchObject([{ message: 'stuck' }])
  })
})

describe('an ask', () => {
  it('that nobody answers ends at its deadline', async () => {
    const { clock, one } = bench()
    const asked = ended(one.ask('hang', 500))
    await clock.advance(499)
    expect(asked.open).toBe(true)
    await clock.advance(1)
    expect(asked.error).toBeInstanceOf(DeadlineExceeded)
  })

  it('that has ended before its turn is not worked on', async () => {
    const { clock, life, one } = bench()
    void one.tell('work')
    const asked = ended(one.ask('too late', 50))
    const patient = one.ask('patient', 500)
    await clock.advance(100)
    expect(asked.error).toBeInstanceOf(DeadlineExceeded)
    expect(await patient).toBe('patient!')
    expect(life).toEqual(['start 1', 'work', 'patient'])
  })

  it('leaves no timer behind once answered', async () => {
    const { clock, one } = bench()
    await one.ask('a', 500)
    expect(clock.pending).toBe(0)
  })
})

describe('a full mailbox', () => {
  it('that rejects refuses the newest with MailboxFull, counted and told', async () => {
    const { clock, seen, life, one } = bench({ capacity: 1, overflow: 'reject' })
    await one.tell('work')
    await one.tell('kept')
    await expect(one.tell('refused')).rejects.toBeInstanceOf(MailboxFull)
    await expect(one.ask('refused', 1000)).rejects.toMatchObject({ code: 'mailbox-full', retryable: true })
    await clock.advance(100)
    expect(life).toEqual(['start 1', 'work', 'kept'])
    expect(one.mailbox).toMatchObject({ rejected: 2, dropped: 0, received: 2, length: 0 })
    expect(seen.filter(({ type }) => type === 'overflow')).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })

  it('that drops the oldest rejects its ask with MailboxFull, counted and told', async () => {
    const { clock, seen, life, one } = bench({ capacity: 1, overflow: 'drop-oldest' })
    await one.tell('work')
    const oldest = ended(one.ask('oldest', 1000))
    await one.tell('newest')
    await settled()
    expect(oldest.error).toBeInstanceOf(MailboxFull)
    await clock.advance(100)
    expect(life).toEqual(['start 1', 'work', 'newest'])
    expect(one.mailbox).toMatchObject({ rejected: 0, dropped: 1, received: 3 })
    expect(seen.filter(({ type }) => type === 'overflow')).toHaveLength(1)
  })

  it('that blocks makes senders wait, loses nothing, and counts them', async () => {
    const { clock, life, one } = bench({ capacity: 1, overflow: 'block' })
    await one.tell('work')
    await one.tell('first')
    const second = ended(one.tell('second'))
    await clock.advance(99)
    expect(second.open).toBe(true)
    await clock.advance(1)
    expect(second.open).toBe(false)
    expect(life).toEqual(['start 1', 'work', 'first', 'second'])
    expect(one.mailbox).toMatchObject({ blocked: 1, received: 3 })
  })
})

describe('stopping an actor', () => {
  it('finishes the message in hand, rejects those that wait, and frees the behaviour before it resolves', async () => {
    const { clock, life, one } = bench()
    const inHand = one.ask('work', 1000)
    const waiting = ended(one.ask('waiting', 1000))
    await settled()
    const stopped = ended(one.stop())
    await clock.advance(99)
    expect(stopped.open).toBe(true)
    await clock.advance(1)
    expect(await inHand).toBe('work!')
    expect(waiting.error).toBeInstanceOf(ActorStopped)
    expect(stopped.open).toBe(false)
    expect(life).toEqual(['start 1', 'work', 'stop 1'])
    expect(clock.pending).toBe(0)
  })

  it('during backoff does not wait for the pause to end', async () => {
    const { clock, life, one } = bench({ restart: { first: 5000, longest: 5000 } })
    void one.tell('crash')
    const waiting = ended(one.ask('waiting', 10_000))
    await settled()
    const stopped = ended(one.stop())
    await settled()
    expect(stopped.open).toBe(false)
    expect(waiting.error).toBeInstanceOf(ActorStopped)
    expect(life).toEqual(['start 1', 'crash', 'stop 1'])
    expect(clock.pending).toBe(0)
  })

  it('gives up on a message in hand that does not end in time, and still frees the behaviour', async () => {
    const { clock, life, one } = bench()
    const hanging = ended(one.ask('hang', 60_000))
    await settled()
    const stopped = ended(one.stop(200))
    await clock.advance(200)
    expect(stopped.open).toBe(false)
    expect(hanging.error).toBeInstanceOf(ActorStopped)
    expect(life).toEqual(['start 1', 'hang', 'stop 1'])
    expect(clock.pending).toBe(0)
  })

  it('frees what a start brings that comes too late', async () => {
    const clock = fakeClock()
    const life: string[] = []
    const late = actor<string, string>(
      'late',
      async () => {
        await sleep(clock, 1000)
        return { receive: (word) => word, stop: () => void life.push('freed') }
      },
      { clock },
    )
    const asked = ended(late.ask('a', 5000))
    await settled()
    const stopped = late.stop(100)
    await clock.advance(1000)
    await stopped
    expect(asked.error).toBeInstanceOf(ActorStopped)
    expect(life).toEqual(['freed'])
  })

  it('twice, or before it ever started, is the same as once', async () => {
    const { life, one } = bench()
    await one.ask('a', 100)
    await Promise.all([one.stop(), one.stop()])
    await one.stop()
    expect(life).toEqual(['start 1', 'a', 'stop 1'])
    const { life: none, one: fresh } = bench()
    await fresh.stop()
    await expect(fresh.ask('a', 100)).rejects.toBeInstanceOf(ActorStopped)
    expect(none).toEqual([])
  })

  it('lets a sender in that waited for room know that it came to nothing', async () => {
    const { one } = bench({ capacity: 1, overflow: 'block' })
    await one.tell('hang')
    await one.tell('kept')
    const blocked = ended(one.tell('blocked'))
    await settled()
    void one.stop(0)
    await settled()
    expect(blocked.error).toBeInstanceOf(ActorStopped)
  })
})

describe('a message to an actor that does nothing else', () => {
  it('is handled within the call that brings it, and what its behaviour sends to it afterwards', () => {
    const seen: string[] = []
    const one = actor<string>('one', () => ({
      receive(word) {
        if (word === 'first') void one.tell('second')
        seen.push(word)
      },
    }))
    void one.tell('first')
    expect(seen).toEqual(['first', 'second'])
  })
})

describe('a later answer', () => {
  const lingering = (options: ActorOptions = {}) => {
    const clock = fakeClock()
    const one = actor<number | 'crash', string>(
      'one',
      () => ({
        receive(ms) {
          if (ms === 'crash') throw new Error('crashed')
          if (ms < 0) return later(Promise.reject(new Error('refused')))
          return later(sleep(clock, ms).then(() => `after ${ms}`))
        },
      }),
      { clock, ...options },
    )
    return { clock, one }
  }

  it('keeps no other message waiting, and outlives a crash', async () => {
    const { clock, one } = lingering()
    const slow = one.ask(1000, 5000)
    const quick = ended(one.ask(1, 5000))
    const crashed = ended(one.ask('crash', 5000))
    await clock.advance(1)
    expect([quick.value, (crashed.error as Error).message]).toEqual(['after 1', 'crashed'])
    await clock.advance(999)
    expect(await slow).toBe('after 1000')
    expect(clock.pending).toBe(0)
  })

  it('that rejects is an answer, and no crash', async () => {
    const { one } = lingering()
    await expect(one.ask(-1, 100)).rejects.toThrow('refused')
    expect(one.restarts).toBe(0)
  })

  it('that is not there when the actor stops, or is given up, is ActorStopped', async () => {
    const { clock, one } = lingering()
    const open = ended(one.ask(1000, 5000))
    await one.stop()
    expect(open.error).toBeInstanceOf(ActorStopped)
    const { one: other } = lingering({ restart: { restarts: 0 } })
    const lost = ended(other.ask(1000, 5000))
    await other.tell('crash')
    await settled()
    expect(lost.error).toBeInstanceOf(ActorStopped)
    await clock.advance(1000)
  })
})

describe('an actor that fails from outside', () => {
  it('loses the message in hand, is started again without being asked, and ignores more of it meanwhile', async () => {
    const { clock, life, one } = bench({ restart: { first: 50 } })
    const inHand = ended(one.ask('hang', 1000))
    await settled()
    one.crash(new Error('gone'))
    one.crash(new Error('gone again'))
    const next = one.ask('next', 1000)
    await clock.advance(50)
    expect((inHand.error as Error).message).toBe('gone')
    expect(await next).toBe('next!')
    expect(life).toEqual(['start 1', 'hang', 'stop 1', 'start 2', 'next'])
    expect(one.restarts).toBe(1)
  })

  it('while it is being started fails once it is', async () => {
    const clock = fakeClock()
    let starts = 0
    const slow = actor<string, string>(
      'slow',
      async () => {
        starts++
        await sleep(clock, 100)
        return { receive: (word) => word }
      },
      { clock, restart: { first: 10 } },
    )
    slow.start()
    slow.crash(new Error('gone'))
    const asked = slow.ask('a', 1000)
    await clock.advance(210)
    expect(await asked).toBe('a')
    expect(starts).toBe(2)
  })

  it('gets its restarts back while it runs well', async () => {
    const { clock, one } = bench({ restart: { restarts: 1, within: 1000, first: 10 } })
    one.start()
    for (let crash = 0; crash < 5; crash++) {
      one.crash(new Error('gone'))
      await clock.advance(1010)
    }
    expect(one).toMatchObject({ restarts: 5, givenUp: false })
    one.crash(new Error('gone'))
    await clock.advance(500)
    one.crash(new Error('gone too soon'))
    expect(one.givenUp).toBe(true)
    expect(clock.pending).toBe(0)
  })
})

describe('a child that is given up', () => {
  const family = (by: 'restart' | 'stop' | 'none') => {
    const clock = fakeClock()
    const events = new Events()
    const seen: string[] = []
    events.stream.subscribe((event) => 'actor' in event && seen.push(`${event.actor} ${event.type}`))
    const life: string[] = []
    const behaviour = (name: string) => () => {
      life.push(`start ${name}`)
      return { receive: (word: string) => word, stop: () => void life.push(`stop ${name}`) }
    }
    const owner = actor<string, string>('owner', behaviour('owner'), { clock, events, restart: { first: 10 } })
    const child = actor<string, string>('child', behaviour('child'), {
      clock,
      events,
      restart: { restarts: 0 },
      ...(by === 'none' ? {} : { escalate: by === 'restart' ? { restart: owner } : { stop: owner } }),
    })
    owner.start()
    child.start()
    return { clock, seen, life, owner, child }
  }

  it('leaves its owner alone, where nothing else is said', async () => {
    const { clock, seen, owner, child } = family('none')
    child.crash(new Error('broken'))
    await clock.advance(100)
    await expect(child.ask('a', 100)).rejects.toThrow('broken')
    expect(await owner.ask('a', 100)).toBe('a')
    expect([seen, owner.restarts]).toEqual([['child escalated'], 0])
  })

  it('makes its owner fail with the same error, which is then started again', async () => {
    const { clock, seen, life, owner, child } = family('restart')
    child.crash(new Error('broken'))
    await clock.advance(10)
    expect(seen).toEqual(['child escalated', 'owner restarted'])
    expect(life.slice(-2)).toEqual(['stop owner', 'start owner'])
    expect(owner.restarts).toBe(1)
  })

  it('stops its owner', async () => {
    const { clock, life, owner, child } = family('stop')
    child.crash(new Error('broken'))
    await clock.advance(100)
    await expect(owner.ask('a', 100)).rejects.toBeInstanceOf(ActorStopped)
    expect(life.at(-1)).toBe('stop owner')
    expect(clock.pending).toBe(0)
  })
})

it('an actor whose restart policy is wrong says which option', () => {
  expect(() => actor('one', () => ({ receive: () => {} }), { restart: { factor: 0 } })).toThrow(BadConfiguration)
})
