import { expected } from '../../../adapters/simulation/duration.ts'
import { blankFrame, type Frame, type Frames } from '../../../adapters/simulation/frame.ts'
import type { Scenario } from '../../../adapters/simulation/scenario.ts'
import {
  type Captured,
  type Clock,
  ExecutionFailed,
  type ExecutorLost,
  sleep,
  type Tensor,
} from '../../../pipeline/index.ts'
import type { Executor, ExecutorFactory, ImageEngine, ModelSource } from '../../../stages/index.ts'

/**
 * What prepares pictures and runs models on a virtual clock, with bytes that may be copied on their way: each picture
 * begins with the number of its frame.
 */
export class StandIns {
  readonly #scenario: Scenario
  readonly #clock: Clock
  readonly #fates: Frame['fate'][] = []

  constructor(scenario: Scenario, clock: Clock) {
    this.#scenario = scenario
    this.#clock = clock
  }

  /** The next frame's picture. */
  picture(frames: Frames, now: number): Captured {
    const frame = blankFrame()
    frames.next(frame, now)
    const bytes = new Uint8Array(frame.bytes)
    new DataView(bytes.buffer).setUint32(0, this.#fates.length)
    this.#fates.push(frame.fate)
    return { form: 'image', at: 'captured', bytes }
  }

  engine(side: 'device' | 'cloud'): ImageEngine {
    const { prepare } = this.#scenario[side]
    return {
      prepare: async (picture, _input, { encoding }) => {
        const bytes = picture.form === 'tensors' ? (picture.tensors[0] as Tensor).bytes : picture.bytes
        const ms = expected(prepare, bytes.byteLength) * this.#fate(bytes)[side]
        // Also where nobody waits any longer: what was begun is done.
        if (ms > 0) await sleep(this.#clock, ms)
        if (encoding !== 'tensor') return { form: 'image', at: 'prepared', bytes, width: 1, height: 1 }
        const tensor: Tensor = { name: 'input', type: 'float32', shape: [1, 3, 1, 1], bytes: bytes.slice(0, 12) }
        return { form: 'tensors', at: 'prepared', tensors: [tensor] }
      },
      measure: async () => ({ width: 1, height: 1 }),
    }
  }

  executors(side: 'device' | 'cloud'): ExecutorFactory {
    let count = 0
    return { kind: 'fake', start: async () => this.#executor(side, `${side}-${++count}`) }
  }

  #executor(side: 'device' | 'cloud', id: string): Executor {
    const { models } = this.#scenario[side]
    const loaded = new Map<string, ModelSource>()
    let last: Promise<unknown> = Promise.resolve()
    /** One thing at a time, in order. */
    const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
      const turn = last.then(work)
      last = turn.catch(() => {})
      return turn
    }
    return {
      id,
      lost: new Promise<ExecutorLost>(() => {}),
      load: (model) =>
        inTurn(async () => {
          loaded.set(model.key, model)
          return { ms: 0, residentBytes: model.bytes, inputs: ['input'], outputs: ['output'], batches: false }
        }),
      unload: (key) => inTurn(async () => void loaded.delete(key)),
      run: (key, inputs) =>
        inTurn(async () => {
          const model = loaded.get(key)
          if (!model) throw new ExecutionFailed(`Model ${key} is not loaded in ${id}. Load it first.`)
          const ms = expected(models[model.name] ?? {}, 0) * this.#fate((inputs[0] as Tensor).bytes).run
          if (ms > 0) await sleep(this.#clock, ms)
          return { outputs: answer, ms }
        }),
      close: async () => void (await last),
      kill: () => {},
    }
  }

  #fate(bytes: Uint8Array): Frame['fate'] {
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
    return this.#fates[number] as Frame['fate']
  }
}

const answer: readonly Tensor[] = [
  { name: 'output', type: 'float32', shape: [1, 2], bytes: new Uint8Array(Float32Array.of(1, 0).buffer) },
]
