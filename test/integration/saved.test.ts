import { readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { catalogue } from '../../adapters/catalogue/index.ts'
import { decisionLog, readDecisions } from '../../adapters/files/index.ts'
import { readModel, split } from '../../adapters/onnx/graph/index.ts'
import { loadPredictor, loadProfile, referencePredictor } from '../../adapters/onnx/profile/index.ts'
import { measured, measuredFile, measurements } from '../../examples/papers/pieslicer/measured.ts'
import { zooFolder } from '../../examples/zoo/index.ts'
import { type Decider, fixed, VersionMismatch } from '../../pipeline/index.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'
import { packRecord, readRecord } from '../../stages/execute/cluster/record.ts'
import {
  alert,
  ans,
  backup,
  explore,
  logged,
  maui,
  offload,
  place,
  plan,
  select,
  shadow,
  split as splitting,
} from '../../stages/index.ts'
import { modelSet } from '../stages/decide/support.ts'
import { temporaryFolder } from '../support/folder.ts'

const root = temporaryFolder()
let files = 0
async function file(content: object, name = 'saved.json'): Promise<string> {
  const folder = join(root, `${++files}`)
  await mkdir(folder)
  await writeFile(join(folder, name), `${JSON.stringify(content)}\n`)
  return join(folder, name)
}

const models = modelSet([
  { id: 'a', accuracy: 0.5, latencyMs: 5 },
  { id: 'b', accuracy: 0.9, latencyMs: 20 },
])
const opened = <D extends Decider>(decider: D): D => {
  decider.open?.({ side: 'device', models })
  return decider
}
const deciders: Readonly<Record<string, () => Decider>> = {
  place: () => place(),
  select: () => select(),
  split: () => splitting(),
  backup: () => backup(),
  offload: () => offload(),
  plan: () => plan(),
  ans: () => ans(),
  alert: () => alert(),
  maui: () => maui(),
  logged: () => logged({ write: () => {} }, [place(), select()]),
  explore: () => explore([place(), select()], { share: 0.1, random: seededRandom(1) }),
  shadow: () => shadow(select(), fixed({})),
}

interface Saved {
  readonly value: () => object | Promise<object>
  readonly read: (saved: object) => unknown
}

const profile = {
  version: 1,
  model: 'm.onnx',
  sha256: '0'.repeat(64),
  machine: 'one',
  threads: 1,
  runtime: 'r',
  total: { ms: 1, low: 1, high: 1 },
  layers: [],
  runs: 1,
  undisturbed: 1,
}
const record = {
  ...{ version: 1, tenant: 't', pipeline: 'p', node: 'n', uptime: 1, models: [], aliases: [] },
  memory: { used: 0, overhead: 0 },
  queue: { waiting: 0, busy: 0, executors: 0, pending: 0, desired: 0 },
  ...{ routes: {}, requests: 0, hits: 0, cold: 0, loads: 0, loadFailures: 0, evictions: 0, refusals: {} },
  gigabyteSeconds: 0,
}

const things: Readonly<Record<string, Saved>> = {
  'a catalogue': {
    value: async () => JSON.parse(await readFile(join(zooFolder, 'catalogue.json'), 'utf8')),
    read: async (saved) => catalogue(join(await file(saved, 'catalogue.json'), '..'), { missing: 'allow' }),
  },
  'a profile': { value: () => profile, read: async (saved) => loadProfile(await file(saved)) },
  'a predictor': { value: () => referencePredictor, read: loadPredictor },
  'a decision log': {
    value: () => ({ version: 1, type: 'lost', entries: 3 }),
    read: async (saved) => {
      for await (const _ of readDecisions(await file(saved))) {
      }
    },
  },
  'a record of a node': {
    value: () => record,
    read: (saved) => readRecord(packRecord(saved as Parameters<typeof packRecord>[0])),
  },
  'what papers are compared on': {
    value: () => JSON.parse(readFileSync(measuredFile, 'utf8')),
    read: (saved) => measurements.read(saved, 'measured.json'),
  },
  ...Object.fromEntries(
    Object.entries(deciders).map(([name, make]): [string, Saved] => [
      `what ${name}() has learned`,
      {
        value: () => opened(make()).save?.() as object,
        read: (saved) => opened(make()).restore?.(JSON.parse(JSON.stringify(saved))),
      },
    ]),
  ),
}

describe.each(Object.entries(things))('%s', (_name, { value, read }) => {
  test('is read in its own version', async () => {
    expect((await value()) as { version?: number }).toMatchObject({ version: 1 })
    await read(await value())
  })

  test.each([
    ['newer', { version: 2 }, /of version 2 of .*reads version 1.*Upgrade Quintet/],
    ['older, and not migrated', { version: 0 }, /of version 0 of .*reads version 1/],
    ['missing', { version: undefined }, /says no version.*reads version 1/],
  ])('is refused by name where its version is %s', async (_what, change, says) => {
    const refused = (async () => read({ ...(await value()), ...change }))()
    await expect(refused).rejects.toBeInstanceOf(VersionMismatch)
    await expect(refused).rejects.toThrow(says)
  })
})

test('the measurements of the papers are read from where they stand', () => {
  expect(measured().pictures.length).toBeGreaterThan(50)
})

test('an entry of the split cache that another release wrote stays, and stands in nobody’s way', async () => {
  const folder = join(root, 'splits')
  const model = await readModel(join(zooFolder, 'nano.onnx'))
  const layer = model.layers[1]?.name as string
  const made = await split(model, layer, { folder })
  const manifest = join(made.head.path, '..', 'split.json')
  const written = JSON.parse(await readFile(manifest, 'utf8'))
  expect(written).toMatchObject({ version: 1 })
  for (const version of [0, 2, undefined]) {
    await writeFile(manifest, JSON.stringify({ ...written, version }))
    expect(await split(model, layer, { folder })).toEqual(made)
    expect(JSON.parse(await readFile(manifest, 'utf8'))).toMatchObject({ version: 1 })
  }
})

test('a decision log names its file and the version found', async () => {
  const path = join(root, 'log.jsonl')
  const log = await decisionLog(path)
  log.write({ version: 1, type: 'lost', entries: 1 })
  await log.close()
  await writeFile(path, (await readFile(path, 'utf8')).replace('"version":1', '"version":7'))
  const reading = (async () => {
    for await (const _ of readDecisions(path)) {
    }
  })()
  await expect(reading).rejects.toThrow(`${path}: The log is of version 7 of a decision log`)
})
