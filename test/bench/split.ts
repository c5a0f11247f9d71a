import { InferenceSession, Tensor } from 'onnxruntime-node'
import { cutInTwo, cuts, type LayerCut, type Model, readModel } from '../../adapters/onnx/graph/index.ts'
import { nodePlatform } from '../../adapters/platform/index.ts'
import type { Tensor as WireTensor } from '../../pipeline/index.ts'
import {
  type ActivationEncoding,
  activationEncodings,
  decodeActivation,
  encodeActivation,
} from '../../stages/transfer/index.ts'
import { asset, haveAssets } from '../adapters/onnx/graph/assets.ts'
import { noise } from '../adapters/onnx/graph/random.ts'
import { type Row, row } from './row.ts'

const rounds = 60
const models = [
  'mobilenet_v1_0.25_128_fp32',
  'mobilenet_v1_1.0_224_fp32',
  'mobilenet_v2_1.0_224_fp32',
  'mobilenet_v2_1.0_224_int8',
]

type Feed = Readonly<Record<string, Tensor>>

/**
 * What cutting costs: per cut of a chain head + encode + decode + tail against the whole, by turns, the calmest
 * quarter of the rounds; then what each encoding makes of one activation.
 */
export async function bench(): Promise<Row[]> {
  if (!haveAssets) return []
  const rows: Row[] = []
  for (const name of models) {
    const model = await readModel(asset(`models/${name}.onnx`))
    const found = await cuts(model, { tensors: 1, verify: false })
    for (const cut of spread(found)) rows.push(await overhead(name, model, cut))
  }
  const model = await readModel(asset('models/mobilenet_v2_1.0_224_fp32.onnx'))
  const middle = (await cuts(model, { tensors: 1, verify: false })).filter(({ envelope }) => envelope)[1]
  if (middle) rows.push(...(await encodings(model, middle)))
  return rows
}

/** All on the lower envelope, and some of the others. */
function spread(found: readonly LayerCut[]): LayerCut[] {
  return found.filter((cut, index) => cut.envelope || index % 8 === 4)
}

async function overhead(name: string, model: Model, cut: LayerCut): Promise<Row> {
  const parts = await cutInTwo(model, cut)
  const [whole, head, tail] = [
    await session(model.file.path),
    await session(parts.head.bytes),
    await session(parts.tail.bytes),
  ]
  const feed = inputs(model)
  const apart: number[] = []
  const together: number[] = []
  const inParts = async (): Promise<unknown> => tail.run(await received(await sent(await head.run(feed), 'float32')))
  // Until both are compiled and their memory is in place: half a second in all, whatever a run takes.
  const some = Math.min(400, Math.max(rounds, Math.ceil(150 / (await timed(() => whole.run(feed))))))
  for (let round = 0; round < some; round++) {
    await whole.run(feed)
    await inParts()
  }
  for (let round = 0; round < some; round++) {
    together.push(await timed(() => whole.run(feed)))
    apart.push(await timed(inParts))
  }
  for (const one of [whole, head, tail]) await one.release()
  const [one, two] = [calm(together), calm(apart)]
  // Quantised tensors are no float32 cut: shown, not held against the aim.
  const aimed = cut.envelope && cut.crossing.every(({ type }) => type === 'float32')
  const aim = aimed ? `≤ ${(0.1 * one + 0.2).toFixed(3)}` : ''
  return row(
    `${name} cut after ${cut.label}${cut.envelope ? ' ★' : ''}: over the whole's ${one.toFixed(2)} ms`,
    two - one,
    'ms',
    aim,
  )
}

async function encodings(model: Model, cut: LayerCut): Promise<Row[]> {
  const parts = await cutInTwo(model, cut)
  const [head, tail] = [await session(parts.head.bytes), await session(parts.tail.bytes)]
  const crossed = await head.run(inputs(model))
  const reference = await tail.run(await received(await sent(crossed, 'float32')))
  const rows: Row[] = []
  for (const encoding of activationEncodings) {
    const written = await sent(crossed, encoding)
    const times: number[] = []
    for (let round = 0; round < rounds; round++)
      times.push(await timed(async () => received(await sent(crossed, encoding))))
    const answer = await tail.run(await received(written))
    const at = `${encoding} behind ${cut.label}`
    rows.push(
      row(`${at}: size`, written.reduce((sum, one) => sum + one.length, 0) / 1024, 'KiB'),
      row(`${at}: encode + decode`, calm(times), 'ms'),
      row(
        `${at}: largest change of a probability`,
        difference(answer, reference),
        '',
        encoding.startsWith('float32') ? '≤ 0' : '',
      ),
    )
  }
  await head.release()
  await tail.release()
  return rows
}

async function session(model: string | Uint8Array): Promise<InferenceSession> {
  const options = {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  } as const
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options)
}

function inputs(model: Model): Feed {
  return Object.fromEntries(
    model.inputs.map(({ name, shape = [] }) => [
      name,
      new Tensor(
        'float32',
        noise(
          shape.reduce((product, side) => product * side, 1),
          3,
        ),
        shape,
      ),
    ]),
  )
}

function sent(tensors: InferenceSession.OnnxValueMapType, encoding: ActivationEncoding): Promise<Uint8Array[]> {
  return Promise.all(
    Object.entries(tensors).map(([name, tensor]) => {
      const { data, dims, type } = tensor as Tensor
      const { buffer, byteOffset, byteLength } = data as Float32Array
      const bytes = new Uint8Array(buffer, byteOffset, byteLength)
      return encodeActivation({ name, type: type as WireTensor['type'], shape: dims, bytes }, encoding, nodePlatform)
    }),
  )
}

async function received(messages: readonly Uint8Array[]): Promise<Feed> {
  const tensors = await Promise.all(messages.map((message) => decodeActivation(message, { platform: nodePlatform })))
  return Object.fromEntries(
    tensors.map(({ name, type, shape, bytes }) => {
      const tensor =
        type === 'uint8'
          ? new Tensor('uint8', bytes, shape)
          : new Tensor('float32', new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), shape)
      return [name, tensor]
    }),
  )
}

function difference(one: InferenceSession.OnnxValueMapType, other: InferenceSession.OnnxValueMapType): number {
  let largest = 0
  for (const [name, tensor] of Object.entries(one)) {
    const [a, b] = [(tensor as Tensor).data as Float32Array, (other[name] as Tensor).data as Float32Array]
    for (let at = 0; at < a.length; at++) largest = Math.max(largest, Math.abs((a[at] ?? 0) - (b[at] ?? 0)))
  }
  return largest
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function calm(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[sorted.length >> 4] ?? 0
}
