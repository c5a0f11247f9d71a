import {
  type Answer,
  capture,
  catalogue,
  decide,
  execute,
  fixed,
  imageEngine,
  picture,
  pipeline,
  preprocess,
  processExecutors,
  transfer,
} from '../../adapters/node/index.ts'
import { PHONE, pictures, zooFolder } from '../../examples/zoo/index.ts'
import { classify, executorPool } from '../../stages/execute/index.ts'
import { median, p99, type Row, row } from './row.ts'

const model = 'large'
const executors = 1
/** Messages under way at once, in both. */
const window = 4
const count = 40
/** As a phone gives them, but none of the few that take as long as all others. */
const mix = PHONE.slice(0, 1)
const warmup = 6
const rounds = 10

/**
 * The whole pipeline against what somebody would write without one: the same pictures, the same model, the same kind
 * and number of executors, as many under way; taking turns in one run.
 */
export async function bench(): Promise<Row[]> {
  const frames: Uint8Array[] = []
  for await (const { jpeg } of pictures({ count, seed: 3, mix })) frames.push(jpeg)
  const models = catalogue(zooFolder)
  const engine = imageEngine()
  const { input } = models.entry(model)
  const pool = executorPool({ factory: processExecutors(), size: executors, threads: 1 })
  await pool.warm([models.source(model)])
  const gate = new Gate()
  const running = pipeline(
    'loop',
    { models, window, order: 'none' },
    capture(gate.frames(frames)),
    decide(fixed({ cut: 'captured', model })),
    preprocess(),
    transfer(),
    preprocess(),
    execute({ warm: [model] }),
  ).run({ executors })
  const answers = running[Symbol.asyncIterator]()

  const ours = { rates: [] as number[], latencies: [] as number[] }
  const plain = { rates: [] as number[], latencies: [] as number[] }

  async function pipelineTurn(): Promise<void> {
    const started = performance.now()
    gate.open()
    for (let taken = 0; taken < count; taken++) {
      const { value } = (await answers.next()) as { value: Answer }
      ours.latencies.push(value.latency)
    }
    ours.rates.push(count / (performance.now() - started))
  }

  async function loopTurn(): Promise<void> {
    const started = performance.now()
    const left = frames.values()
    const worker = async () => {
      for (const frame of left) {
        const taken = performance.now()
        const prepared = await engine.prepare(picture(frame), input, { encoding: 'tensor' })
        if (prepared.form !== 'tensors') throw new Error('a picture was not prepared')
        classify(models.entry(model), (await pool.run(models.source(model), prepared.tensors)).outputs)
        plain.latencies.push(performance.now() - taken)
      }
    }
    await Promise.all(Array.from({ length: window }, worker))
    plain.rates.push(count / (performance.now() - started))
  }

  // A pipeline that has run for a while is what users have: both are warm before anything counts.
  for (let turn = 0; turn < warmup; turn++) {
    await pipelineTurn()
    await loopTurn()
  }
  for (const figures of [ours, plain]) for (const list of Object.values(figures)) list.length = 0
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    for (const turn of round % 2 === 0 ? [pipelineTurn, loopTurn] : [loopTurn, pipelineTurn]) await turn()
    ratios.push((ours.rates[round] as number) / (plain.rates[round] as number))
  }
  gate.close()
  await running.drain()
  await pool.close()
  return [
    row('pipeline, pictures a second', 1000 * median(ours.rates), '1/s'),
    row('hand-written loop, pictures a second', 1000 * median(plain.rates), '1/s'),
    row('pipeline ÷ loop, throughput', median(ratios), '×', '≥ 0.97'),
    row('pipeline p50', median(ours.latencies), 'ms'),
    row('hand-written loop p50', median(plain.latencies), 'ms'),
    row('pipeline p99', p99(ours.latencies), 'ms'),
    row('hand-written loop p99', p99(plain.latencies), 'ms'),
  ]
}

/** Lets a set of frames through each time it is opened, until it is closed. */
class Gate {
  readonly #turns: boolean[] = []
  #wake = () => {}

  open(): void {
    this.#turns.push(true)
    this.#wake()
  }

  close(): void {
    this.#turns.push(false)
    this.#wake()
  }

  async *frames(frames: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
    for (;;) {
      const turn = this.#turns.shift()
      if (turn === false) return
      if (turn) yield* frames
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
