import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { models } from '../../../adapters/catalogue/index.ts'
import { constantRate, EmulatedLink, linkShape, noLink, shaped } from '../../../adapters/link/index.ts'
import { connect } from '../../../adapters/nats/index.ts'
import * as quintet from '../../../adapters/node/index.ts'
import { modelSplitter } from '../../../adapters/onnx/index.ts'
import { replay, type ScenarioInput } from '../../../adapters/simulation/index.ts'
import { fakeExecutors } from '../../../stages/execute/testing.ts'
import { executorPool, modelCache } from '../../../stages/index.ts'
import { temporaryFolder } from '../../support/folder.ts'

type Given = Record<string, unknown>
const clock = quintet.systemClock
const none = {} as never
const address = { transport: quintet.memoryTransport(), subject: 'a', schema: z.number() }
const scenario: ScenarioInput = {
  name: 's',
  deadline: 1,
  captures: { arrive: { kind: 'when-settled' }, bytes: { kind: 'constant', bytes: 1 } },
  link: { kind: 'times', up: {} },
  cloud: {},
}
const composed = quintet.pipeline(
  'p',
  {},
  quintet.capture([]),
  quintet.transfer(),
  quintet.preprocess(),
  quintet.execute(),
)

/** Every public factory that takes options, and one of its options with a letter too many. */
const factories: Record<string, readonly [option: string, make: (options: Given) => unknown]> = {
  pipeline: ['windoww', (options) => quintet.pipeline('p', options as never, quintet.capture([]), none)],
  capture: ['livee', (options) => quintet.capture([], options as never)],
  hop: ['attemptss', (options) => quintet.hop('h', options as never)],
  transfer: ['probee', (options) => quintet.transfer(options as never)],
  preprocess: ['qualityy', (options) => quintet.preprocess(options as never)],
  execute: ['threadss', (options) => quintet.execute(options as never)],
  'execute.batch': ['sizee', (batch) => quintet.execute({ batch } as never)],
  'execute.cluster': ['beatt', (cluster) => quintet.execute({ cluster } as never)],
  stage: ['concurrencyy', (options) => quintet.stage('s', (message) => message, options as never)],
  fixed: ['encodingg', (options) => quintet.fixed(options as never)],
  place: ['slowerr', (options) => quintet.place(options as never)],
  select: ['rulee', (options) => quintet.select(options as never)],
  split: ['goall', (options) => quintet.split(options as never)],
  offload: ['marginn', (options) => quintet.offload(options as never)],
  backup: ['whenn', (options) => quintet.backup(options as never)],
  plan: ['marginn', (options) => quintet.plan(options as never)],
  'plan.limits': ['accuracyy', (limits) => quintet.plan({ limits } as never)],
  explore: ['sharee', (options) => quintet.explore(quintet.place(), options as never)],
  logged: ['saltt', (options) => quintet.logged({ write: () => {} }, quintet.place(), options as never)],
  alert: ['goall', (options) => quintet.alert(options as never)],
  ans: ['goall', (options) => quintet.ans(options as never)],
  maui: ['goall', (options) => quintet.maui(options as never)],
  costDirect: ['costt', (options) => quintet.costDirect(options as never)],
  costIncrease: ['costt', (options) => quintet.costIncrease(options as never)],
  memoryTransport: ['maxPayloadd', (options) => quintet.memoryTransport(options as never)],
  memoryBroker: ['clockk', (options) => quintet.memoryBroker(options as never)],
  'memoryBroker.connect': ['maxPayloadd', (options) => quintet.memoryBroker().connect(options as never)],
  imageEngine: ['maxPixelss', (options) => quintet.imageEngine(options as never)],
  processExecutors: ['largestt', (options) => quintet.processExecutors(options as never)],
  threadExecutors: ['startWithinn', (options) => quintet.threadExecutors(options as never)],
  modelSplitter: ['folderr', (options) => modelSplitter(options as never)],
  catalogue: ['missingg', (options) => models([], temporaryFolder(), options as never)],
  decisionLog: ['filess', (options) => quintet.decisionLog(`${temporaryFolder()}/log`, options as never)],
  connect: ['namee', (options) => connect(options as never)],
  rollOut: ['tenantt', (options) => quintet.rollOut(quintet.memoryTransport(), options as never)],
  shaped: ['onFaultt', (options) => shaped(quintet.memoryTransport(), new EmulatedLink(noLink), options as never)],
  modelCache: ['budgett', (options) => modelCache({ host: none, clock, budget: 1, ...options } as never)],
  pictures: ['cwdd', (options) => quintet.pictures('*.jpg', options as never)],
  actor: ['overfloww', (options) => quintet.actor('a', () => ({ receive: () => {} }), options as never)],
  'actor.restart': ['restartss', (restart) => quintet.actor('a', () => ({ receive: () => {} }), { restart } as never)],
  expose: ['groupp', (options) => quintet.expose(none, { ...address, ...options } as never)],
  remote: ['patiencee', (options) => quintet.remote(none, 'a', { schema: z.number(), ...options } as never)],
  run: ['onlyy', (options) => composed.run(options as never)],
  device: ['nodee', (options) => composed.device(quintet.memoryTransport(), options as never)],
  cloud: ['capacityy', (options) => composed.cloud(quintet.memoryTransport(), options as never)],
  linkShape: ['delayy', (options) => linkShape({ up: constantRate(1), ...options } as never)],
  replay: ['framess', (options) => replay(scenario, { policy: none, seed: 1, frames: 0, ...options } as never)],
  executorPool: [
    'queuee',
    (options) => executorPool({ factory: fakeExecutors({ clock }), size: 1, ...options } as never),
  ],
}

describe('a misspelt option', () => {
  it.each(Object.keys(factories))('is refused by name: %s', async (name) => {
    const [option, make] = factories[name] as (typeof factories)[string]
    const attempt = (async () => make({ [option]: 1 }))()
    await expect(attempt).rejects.toMatchObject({ code: 'bad-configuration' })
    await expect(attempt).rejects.toThrow(`There is no option "${option}"`)
  })
})
