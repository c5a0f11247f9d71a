import {
  amend,
  type Capture,
  composer,
  decide,
  evolve,
  fixed,
  type Payload,
  type Pipeline,
  type RunningCloud,
  stage,
  systemClock,
  type TensorsPayload,
  type Transport,
} from '../../../pipeline/index.ts'
import { frames } from '../../../pipeline/testing/index.ts'
import { type ExecuteOptions, execute } from '../../../stages/execute/index.ts'
import { type FakeExecutors, type FakeExecutorsOptions, fakeExecutors } from '../../../stages/execute/testing.ts'
import { transfer } from '../../../stages/index.ts'
import { entry, modelsWithoutFiles } from '../../support/models.ts'

/** Ten models of unlike content, and a second version of the first. */
export const names = [...'abcdefghij'].map((letter) => letter)
export const models = modelsWithoutFiles(
  [...names, 'a2'].map((id, index) => entry(id, { sha256: `${index}`.padStart(64, '0') })),
)
/** What an executor holds of each. */
export const modelBytes = 1

/** A picture whose id says which model it is for: `a-7`. */
export const captureFor = (model: string, index: number): Capture => ({
  id: `${model}-${index}`,
  payload: { form: 'image', at: 'captured', bytes: Uint8Array.of(index & 0xff) },
})

const logits = (): TensorsPayload['tensors'] => [
  { name: 'logits', type: 'float32', shape: [1, 3], bytes: new Uint8Array(Float32Array.of(3, 2, 1).buffer) },
]

export interface SharedOptions {
  readonly captures?: readonly Capture[] | AsyncIterable<Capture>
  readonly window?: number
  readonly deadline?: number
  readonly execute?: Partial<ExecuteOptions>
  readonly fakes?: Partial<FakeExecutorsOptions>
}

/** A pipeline whose cloud nodes share execution, on executors without a runtime. */
export function shared(options: SharedOptions = {}): { readonly pipeline: Pipeline; readonly factory: FakeExecutors } {
  const { captures = [], window = 64, deadline = 10_000 } = options
  const factory = fakeExecutors({
    clock: systemClock,
    loadMs: 30,
    runMs: 2,
    depth: 2,
    answer: logits,
    ...options.fakes,
  })
  const source =
    Symbol.asyncIterator in captures
      ? { name: 'captures', kind: 'pull' as const, open: () => captures }
      : frames(captures)
  const pipeline = composer({ models })(
    'shared',
    { deadline, window, order: 'none' },
    source,
    decide(fixed({ cut: 'captured', encoding: 'original' })),
    amend('name', (message) =>
      evolve(message, { plan: { ...message.plan, model: message.id.split('-')[0] as string } }),
    ),
    transfer({ probe: false }),
    stage<Payload, TensorsPayload, 'cloud'>('prepare', () => ({
      form: 'tensors',
      at: 'prepared',
      tensors: [{ name: 'input', type: 'uint8', shape: [1], bytes: Uint8Array.of(0) }],
    })),
    execute({
      executors: { device: factory, cloud: factory },
      cluster: { beat: 100, settle: 50 },
      ...options.execute,
    }),
  )
  return { pipeline, factory }
}

export interface SharedNode {
  readonly name: string
  readonly cloud: RunningCloud
  readonly factory: FakeExecutors
  /** Names of the models that were loaded, in order. */
  loads(): readonly string[]
  runs(): readonly string[]
}

/** Starts a node on a transport of its own. */
export async function startNode(transport: Transport, name: string, options: SharedOptions = {}): Promise<SharedNode> {
  const { pipeline, factory } = shared(options)
  const cloud = await pipeline.cloud(transport, { node: name, executors: 1, capacity: 2_048 })
  return {
    name,
    cloud,
    factory,
    loads: () => factory.executors.flatMap(({ loads }) => loads),
    runs: () => factory.executors.flatMap(({ runs }) => runs),
  }
}
