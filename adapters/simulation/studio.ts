import {
  type Captured,
  type Clock,
  ExecutionFailed,
  type ExecutorLost,
  type Prepared,
  sleep,
  type Tensor,
} from '../../pipeline/index.ts'
import type { Executor, ExecutorFactory, ImageEngine, ModelSource } from '../../stages/index.ts'
import { expected } from './duration.ts'
import { blankFrame, type Frame, type Frames } from './frame.ts'
import type { Scenario } from './scenario.ts'

/** Frames that may be on their way at once. */
export const slots = 4096
/** Bytes between the begins of two frames' pictures: what tells them apart, and keeps tensors aligned. */
const apart = 8

/**
 * Stand-ins for what makes, prepares and looks at pictures: they take the scenario's times and know which frame a payload
 * belongs to by where its bytes begin, for all frames share one memory and nothing is written into it.
 */
export class Studio {
  readonly #scenario: Scenario
  readonly #clock: Clock
  readonly #memory: Uint8Array
  readonly #frames: Frame[] = Array.from({ length: slots }, blankFrame)
  #started = 0

  constructor(scenario: Scenario, clock: Clock) {
    const { bytes, preparedBytes } = scenario.captures
    const most = bytes.kind === 'constant' ? bytes.bytes : bytes.kind === 'uniform' ? bytes.to : bytes.most
    this.#scenario = scenario
    this.#clock = clock
    this.#memory = new Uint8Array(slots * apart + Math.max(most, preparedBytes, 64))
  }

  /** The next frame's picture. */
  picture(frames: Frames, now: number): Captured {
    const slot = this.#started++ % slots
    const frame = this.#frames[slot] as Frame
    frames.next(frame, now)
    return { form: 'image', at: 'captured', bytes: this.#view(slot, frame.bytes) }
  }

  /** What prepares pictures on a side. */
  engine(side: 'device' | 'cloud'): ImageEngine {
    const { prepare } = this.#scenario[side]
    return {
      prepare: async (picture: Captured | Prepared, _input, { encoding }) => {
        const bytes = picture.form === 'tensors' ? (picture.tensors[0] as Tensor).bytes : picture.bytes
        const slot = this.#slotOf(bytes)
        const { fate, prepared } = this.#frames[slot] as Frame
        const ms = expected(prepare, bytes.byteLength) * fate[side]
        // Also where nobody waits any longer: what was begun is done.
        if (ms > 0) await sleep(this.#clock, ms)
        if (encoding !== 'tensor') {
          return { form: 'image', at: 'prepared', bytes: this.#view(slot, prepared), width: 1, height: 1 }
        }
        const tensor: Tensor = { name: 'input', type: 'float32', shape: [1, 3, 1, 1], bytes: this.#view(slot, 12) }
        return { form: 'tensors', at: 'prepared', tensors: [tensor] }
      },
      measure: async () => ({ width: 1, height: 1 }),
    }
  }

  /** What runs models on a side. */
  executors(side: 'device' | 'cloud'): ExecutorFactory {
    let count = 0
    return { kind: 'fake', start: async () => this.#executor(side, `${side}-${++count}`) }
  }

  #executor(side: 'device' | 'cloud', id: string): Executor {
    const { accuracy, [side]: of } = this.#scenario
    const loaded = new Map<string, ModelSource>()
    let last: Promise<unknown> = Promise.resolve()
    /** One thing at a time, in order. */
    const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
      const turn = last.then(work)
      last = turn.catch(() => {})
      return turn
    }
    const pass = (ms: number) => (ms > 0 ? sleep(this.#clock, ms) : undefined)
    return {
      id,
      lost: new Promise<ExecutorLost>(() => {}),
      load: (model) =>
        inTurn(async () => {
          const ms = of.load ? expected(of.load, 0) : 0
          await pass(ms)
          loaded.set(model.key, model)
          return { ms, residentBytes: model.bytes, inputs: ['input'], outputs: ['output'], batches: false }
        }),
      unload: (key) => inTurn(async () => void loaded.delete(key)),
      run: (key, inputs) =>
        inTurn(async () => {
          const model = loaded.get(key)
          if (!model) throw new ExecutionFailed(`Model ${key} is not loaded in ${id}. Load it first.`)
          const { fate } = this.#frames[this.#slotOf((inputs[0] as Tensor).bytes)] as Frame
          const ms = expected(of.models[model.name] ?? {}, 0) * (side === 'device' ? fate.deviceRun : fate.run)
          await pass(ms)
          return { outputs: fate.hard < (accuracy[model.name] ?? 1) ? right : wrong, ms }
        }),
      close: async () => void (await last),
      kill: () => {},
    }
  }

  #view(slot: number, bytes: number): Uint8Array {
    return this.#memory.subarray(slot * apart, slot * apart + bytes)
  }

  #slotOf(bytes: Uint8Array): number {
    if (bytes.buffer === this.#memory.buffer) return bytes.byteOffset / apart
    throw new ExecutionFailed('A payload of no frame of this simulation was met: something copied its bytes.')
  }
}

const probabilities = (values: readonly number[]): readonly Tensor[] => [
  { name: 'output', type: 'float32', shape: [1, 2], bytes: new Uint8Array(Float32Array.from(values).buffer) },
]
const right = probabilities([1, 0])
const wrong = probabilities([0, 1])
