import {
  type Duration,
  expected,
  factors,
  modelsOfFigures,
  random,
  type ScenarioInput,
} from '../../../adapters/simulation/index.ts'
import {
  type Captured,
  composer,
  type Decider,
  decide,
  ExecutionFailed,
  type ExecutorLost,
  inCloud,
  onDevice,
  type Prepared,
  type Source,
  sleep,
  systemClock,
  type Tensor,
} from '../../../pipeline/index.ts'
import {
  type Executor,
  type ExecutorFactory,
  execute,
  type ImageEngine,
  type ModelSource,
  place,
  preprocess,
  transfer,
} from '../../../stages/index.ts'
import { pause, scene } from './scene.ts'

/** Policies that are run both ways. */
export const policies: Readonly<Record<string, () => Decider>> = { 'in-cloud': inCloud, 'on-device': onDevice, place }

/** Boundary, device and node names, so that both processes meet. */
const compose = composer()

/** The scene's pipeline with stand-ins that really take the scene's times, on the real clock. */
export function flow(policy: string, frames: number, seed: number) {
  const { captures, device = {}, cloud = {} } = scene
  const models = modelsOfFigures([{ id: 'one', accuracy: 0.8, mean: 60 }])
  const sizes = random(seed, 'bytes')
  const { bytes } = captures
  if (bytes.kind !== 'uniform') throw new RangeError('The scene has pictures of evenly spread sizes.')
  const source: Source = {
    name: 'timed',
    kind: 'pull',
    async *open() {
      const began = systemClock.now()
      for (let n = 0; n < frames; n++) {
        const wait = began + n * pause - systemClock.now()
        if (wait > 0) await sleep(systemClock, wait)
        const size = Math.round(bytes.from + (bytes.to - bytes.from) * sizes.uniform())
        yield { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(size) } }
      }
    },
  }
  const executors = {
    device: standInExecutors(cloud.models ?? {}, seed),
    cloud: standInExecutors(cloud.models ?? {}, seed),
  }
  const decider = (policies[policy] as () => Decider)()
  return compose(
    'validation',
    { late: 'answer', order: 'none', window: 1000, attempts: 1, deadline: scene.deadline as number, models },
    source,
    decide(decider),
    preprocess({ images: standInImages(device.prepare, seed), concurrency: 1 }),
    execute({ executors }),
    transfer(),
    preprocess({ images: standInImages(cloud.prepare, seed), concurrency: 64 }),
    execute({ executors }),
  )
}

function standInImages(prepare: Duration = {}, seed: number): ImageEngine {
  const factor = factors(prepare.variation, random(seed, 'validation prepare'))
  const { preparedBytes = 54_000 } = scene.captures as ScenarioInput['captures']
  return {
    prepare: async (picture: Captured | Prepared, _input, { encoding, signal }) => {
      const bytes = picture.form === 'tensors' ? (picture.tensors[0] as Tensor).bytes : picture.bytes
      await sleep(systemClock, expected(prepare, bytes.byteLength) * factor(), signal)
      if (encoding !== 'tensor')
        return {
          form: 'image',
          at: 'prepared',
          bytes: new Uint8Array(Math.min(preparedBytes, bytes.byteLength)),
          width: 1,
          height: 1,
        }
      const tensor: Tensor = { name: 'input', type: 'float32', shape: [1, 3, 1, 1], bytes: new Uint8Array(12) }
      return { form: 'tensors', at: 'prepared', tensors: [tensor] }
    },
    measure: async () => ({ width: 1, height: 1 }),
  }
}

function standInExecutors(times: Readonly<Record<string, Duration>>, seed: number): ExecutorFactory {
  let count = 0
  return { kind: 'fake', start: async () => standInExecutor(times, seed, ++count) }
}

function standInExecutor(times: Readonly<Record<string, Duration>>, seed: number, number: number): Executor {
  const loaded = new Map<string, ModelSource>()
  const factor = factors(Object.values(times)[0]?.variation, random(seed, `validation run ${number}`))
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }
  return {
    id: `stand-in-${number}`,
    lost: new Promise<ExecutorLost>(() => {}),
    load: (model) =>
      inTurn(async () => {
        loaded.set(model.key, model)
        return { ms: 0, residentBytes: model.bytes, inputs: ['input'], outputs: ['output'], batches: false }
      }),
    unload: (key) => inTurn(async () => void loaded.delete(key)),
    run: (key) =>
      inTurn(async () => {
        const model = loaded.get(key)
        if (!model) throw new ExecutionFailed(`Model ${key} is not loaded. Load it first.`)
        const ms = expected(times[model.name] ?? {}, 0) * factor()
        await sleep(systemClock, ms)
        const output: Tensor = {
          name: 'output',
          type: 'float32',
          shape: [1, 2],
          bytes: new Uint8Array(Float32Array.of(1, 0).buffer),
        }
        return { outputs: [output], ms }
      }),
    close: async () => void (await last),
    kill: () => {},
  }
}
