import { describe, expect, it } from 'vitest'
import {
  allOnDevice,
  anyLayer,
  BadConfiguration,
  type Decider,
  type DecisionRequest,
  decide,
  Events,
  type Failure,
  fixed,
  inCloud,
  type Menu,
  type Message,
  onDevice,
  type StageContext,
  World,
  webPlatform,
} from '../../pipeline/index.ts'
import {
  fakeClock,
  imageMessage,
  type MessageChange,
  resultPayload,
  runStage,
  tensorsMessage,
} from '../../pipeline/testing/index.ts'

const wired: Partial<StageContext> = {
  models: { ids: ['a', 'b', 'c'] },
  route: { wire: true, prepares: true, executes: true },
}

/** A decider that keeps of each field what it is given, and tells what it was offered. */
function keeping(keep: Partial<Menu>, offered: Menu[] = []): Decider {
  return {
    name: 'keeping',
    decide(_request, _world, menu) {
      offered.push(menu)
      return { ...menu, ...keep }
    },
  }
}

async function decided(
  deciders: readonly Decider[],
  change: MessageChange | Message = {},
  context: Partial<StageContext> = wired,
) {
  const asked = 'kind' in change ? change : imageMessage(change)
  const [out] = await runStage(decide(...deciders), [asked], { clock: fakeClock(), ...context })
  return out as Message
}

describe('decide', () => {
  it('offers all there is: models, and the cuts that the pipeline’s stages make possible', async () => {
    const offer = async (route: StageContext['route']) => {
      const offered: Menu[] = []
      await decided([keeping({}, offered)], {}, { ...wired, route })
      return offered[0] as Menu
    }
    expect(await offer({ wire: true, prepares: true, executes: true })).toMatchObject({
      models: ['a', 'b', 'c'],
      cuts: ['captured', 'prepared', 'answered'],
      targets: ['any'],
      backups: ['none'],
    })
    expect((await offer({ wire: true, prepares: false, executes: false })).cuts).toEqual(['captured'])
    expect((await offer({ wire: true, prepares: true, executes: false })).cuts).toEqual(['captured', 'prepared'])
    expect((await offer({ wire: false, prepares: true, executes: true })).cuts).toEqual(['answered'])
  })

  it('narrows from left to right: each decider sees what those before it left', async () => {
    const offered: Menu[] = []
    await decided([keeping({ models: ['a', 'b'] }), keeping({ cuts: ['prepared'] }, offered), keeping({}, offered)])
    expect(offered[0]).toMatchObject({ models: ['a', 'b'], cuts: ['captured', 'prepared', 'answered'] })
    expect(offered[1]).toMatchObject({ models: ['a', 'b'], cuts: ['prepared'] })
  })

  it('closes a field with one choice left, and lets the others travel open', async () => {
    const out = await decided([keeping({ models: ['b'], cuts: ['captured', 'prepared'] })])
    expect(out.plan).toEqual({ model: 'b', target: 'any', backup: 'none' })
    expect(out.open).toEqual({ cuts: ['captured', 'prepared'] })
  })

  it('says nothing of a field that it left as it was', async () => {
    expect((await decided([])).open).toEqual({})
  })

  it('keeps what is closed closed, and what was excluded excluded, wherever it decides next', async () => {
    const offered: Menu[] = []
    const before = imageMessage({ plan: { cut: 'captured' }, open: { models: ['a', 'c'] } })
    const out = await decided([keeping({}, offered)], before)
    expect(offered[0]).toMatchObject({ cuts: ['captured'], models: ['a', 'c'] })
    expect(out.plan.cut).toBe('captured')
    expect(out.open).toEqual({ models: ['a', 'c'] })
    const again = await decided([keeping({ models: ['c'] })], out)
    expect(again.plan).toMatchObject({ cut: 'captured', model: 'c' })
    expect(again.open).toEqual({})
  })

  it('offers no cut that lies behind the payload already', async () => {
    const offered: Menu[] = []
    await decided([keeping({}, offered)], tensorsMessage())
    expect(offered[0]?.cuts).toEqual(['prepared', 'answered'])
  })

  it('fails the message, naming decider and field, when a decider leaves nothing to choose', async () => {
    const empty: Decider = { name: 'picky', decide: (_request, _world, menu) => ({ ...menu, models: [] }) }
    const out = (await decided([keeping({}), empty])) as unknown as Failure
    expect(out.kind).toBe('failure')
    expect(out.error).toBeInstanceOf(BadConfiguration)
    expect(out.error.message).toMatch(/"picky".*models/)
  })

  it('fails the message alone when a decider throws', async () => {
    const broken: Decider = {
      name: 'broken',
      decide: (request, _world, menu) => {
        if (request.seq === 0) throw new Error('no idea')
        return menu
      },
    }
    const out = await runStage(decide(broken), [imageMessage(), imageMessage({ n: 1 })], wired)
    expect(out.map(({ kind }) => kind)).toEqual(['failure', 'message'])
  })

  it('tells deciders what the message is like and what time it has', async () => {
    const clock = fakeClock(500)
    const world = new World(clock)
    const asked: [DecisionRequest, World][] = []
    const curious: Decider = {
      name: 'curious',
      decide(request, known, menu) {
        asked.push([request, known])
        return menu
      },
    }
    const message = imageMessage(
      { n: 4, captured: 300, expires: 900, way: { up: 30, down: 20 } },
      { width: 64, height: 48, bytes: new Uint8Array(99) },
    )
    await runStage(decide(curious), [message], { ...wired, clock, world, deadline: 250 })
    expect(asked[0]?.[0]).toEqual({
      id: 'm4',
      source: 'device.main',
      seq: 4,
      side: 'device',
      at: 'captured',
      bytes: 99,
      width: 64,
      height: 48,
      elapsed: 200,
      // Its budget ends at 900: until then a late answer is waited for.
      remaining: 50,
      deadline: 250,
      way: { up: 30, down: 20 },
      now: 500,
      plan: {},
      attempt: 1,
      tried: [],
    })
    expect(asked[0]?.[1]).toBe(world)
  })

  it('makes its deciders known to the half they decide in, so that they hear of outcomes', async () => {
    const deciders: Decider[] = []
    const [one, two] = [keeping({}), keeping({})]
    await decided([one, two], {}, { ...wired, deciders })
    expect(deciders).toEqual([one, two])
  })

  it('opens its deciders before any message, on the side they decide for', async () => {
    const opened: unknown[] = []
    const opening: Decider = {
      name: 'opening',
      open: (half) => opened.push(half),
      decide: (_request, _world, menu) => menu,
    }
    await runStage(decide(opening), [], { ...wired, side: 'cloud' })
    expect(opened).toEqual([{ side: 'cloud', models: wired.models, platform: webPlatform }])
    const refusing: Decider = {
      ...opening,
      open() {
        throw new BadConfiguration('not here')
      },
    }
    await expect(runStage(decide(refusing), [], wired)).rejects.toThrow('not here')
  })

  it('offers layers only where the pipeline can cut, and a model has any', async () => {
    const cuttable = {
      ids: ['a', 'b'],
      cuts: (id: string) => (id === 'a' ? (['after:conv1', 'after:conv2'] as const) : []),
    }
    const offer = async (context: Partial<StageContext>) => {
      const offered: Menu[] = []
      await decided([keeping({}, offered)], {}, { ...wired, models: cuttable, ...context })
      return offered[0]?.cuts
    }
    expect(await offer({})).toEqual(['captured', 'prepared', 'after:*', 'answered'])
    expect(await offer({ models: { ids: ['a'], cuts: () => [] } })).not.toContain('after:*')
    expect(await offer({ route: { wire: true, prepares: true, executes: false } })).not.toContain('after:*')
    expect(await offer({ route: { wire: false, prepares: true, executes: true } })).toEqual(['answered'])
  })

  it('takes a layer by name, refuses one that the model has not, and leaves any layer open', async () => {
    const models = { ids: ['a', 'b'], cuts: () => ['after:conv1', 'after:conv2'] as const }
    const context = { ...wired, models }
    const cutAt = (cut: Menu['cuts'][number]) => decided([keeping({ models: ['a'], cuts: [cut] })], {}, context)
    expect((await cutAt('after:conv2')).plan.cut).toBe('after:conv2')
    const wrong = (await cutAt('after:conv9')) as unknown as Failure
    expect(wrong.error).toBeInstanceOf(BadConfiguration)
    expect(wrong.error.message).toMatch(/"a".*after:conv9.*after:conv1/)
    const open = await cutAt(anyLayer)
    expect(open.plan.cut).toBeUndefined()
  })

  it('keeps the order in which a decider prefers what it leaves, wherever it is decided next', async () => {
    const offered: Menu[] = []
    const first = await decided([keeping({ models: ['c', 'a'], cuts: ['prepared', 'captured', 'answered'] })])
    expect(first.open).toEqual({ models: ['c', 'a'], cuts: ['prepared', 'captured', 'answered'] })
    await decided([keeping({}, offered)], first)
    expect(offered[0]).toMatchObject({ models: ['c', 'a'], cuts: ['prepared', 'captured', 'answered'] })
  })

  it('puts into the plan when a backup starts and what is accepted, and keeps both', async () => {
    const out = await decided([keeping({ backupAfter: 40 }), keeping({ accept: 0.7 })])
    expect(out.plan).toMatchObject({ backupAfter: 40, accept: 0.7 })
    expect((await decided([keeping({})], out)).plan).toMatchObject({ backupAfter: 40, accept: 0.7 })
  })

  it('offers backups and the last answer only in the process that follows the messages', async () => {
    const offered: Menu[] = []
    await decided([keeping({}, offered)])
    expect(offered[0]?.backups).toEqual(['none'])
    expect(offered[0]?.lastAge).toBeUndefined()
    const planned: Message[] = []
    const attempts: StageContext['attempts'] = {
      planned: (message) => void planned.push(message),
      next: () => 2,
      probed: () => {},
      last: (source) => (source === 'device.left' ? { payload: resultPayload(), at: -30 } : undefined),
    }
    const following = { ...wired, attempts }
    const out = await decided([keeping({ backups: ['model:b'] }, offered)], {}, following)
    await decided([keeping({}, offered)], { source: 'device.left' }, following)
    expect(offered[1]?.backups).toEqual(['none', 'model:a', 'model:b', 'model:c'])
    expect(offered[2]).toMatchObject({ backups: ['none', 'model:a', 'model:b', 'model:c', 'last'], lastAge: 30 })
    expect(planned[0]).toBe(out)
  })

  it('passes by what is planned already as a backup', async () => {
    const message = imageMessage({ backup: true, pass: 1, plan: { cut: 'answered', model: 'b' } })
    expect(await decided([inCloud()], message)).toBe(message)
  })

  it('does not plan again what was tried in vain', async () => {
    const tried = [{ plan: { cut: 'captured' as const }, error: 'node-lost' }]
    const out = await decided([inCloud()], { attempt: 2, pass: 1, tried, open: { cuts: ['answered'] } })
    expect((out as unknown as Failure).error.code).toBe('cancelled')
    const other = await decided([allOnDevice('a')], { attempt: 2, pass: 1, tried, open: { cuts: ['answered'] } })
    expect(other.plan).toMatchObject({ cut: 'answered', model: 'a' })
  })

  it('tells what was decided', async () => {
    const events = new Events()
    const seen: unknown[] = []
    events.stream.subscribe((event) => seen.push(event))
    await decided([fixed({ model: 'a' }, 'one'), inCloud()], {}, { ...wired, events })
    expect(seen).toEqual([
      {
        type: 'decided',
        id: 'm0',
        attempt: 1,
        decider: 'one+in-cloud',
        plan: { model: 'a', cut: 'captured', target: 'any', backup: 'none' },
      },
    ])
  })
})

describe('the simplest deciders', () => {
  it('always choose the same, also what was not on the menu', async () => {
    expect((await decided([inCloud()])).plan).toMatchObject({ cut: 'captured' })
    expect((await decided([onDevice('webp')])).plan).toMatchObject({ cut: 'prepared', encoding: 'webp' })
    expect((await decided([onDevice()])).plan.encoding).toBeUndefined()
    expect((await decided([allOnDevice('c')])).plan).toMatchObject({ cut: 'answered', model: 'c' })
    expect((await decided([fixed({ cut: 'after:conv5', model: 'x' })])).plan).toMatchObject({
      cut: 'after:conv5',
      model: 'x',
    })
  })
})
