/**
 * Measures every model file on held-out pictures and writes `catalogue.json` and `CARDS.md`: `measure.ts WORK MODELS`.
 */
// First, since it switches the runtime's telemetry off.
import '../../../adapters/onnx/index.ts'
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { type CatalogueEntry, catalogueFile, type ModelInput } from '../../../stages/manage/index.ts'
import { LABELS } from '../draw/things.ts'
import { pictures } from '../pictures.ts'
import { cards, type Measured } from './cards.ts'
import { HELD_OUT } from './held-out-set.ts'
import { NORMALISATION } from './normalisation.ts'
import { frame, sideOf, tensor } from './prepare.ts'

const RUNS = 300

const [work, folder] = process.argv.slice(2)
if (work === undefined || folder === undefined) throw new Error('usage: measure.ts WORK MODELS')

const ids = (await readdir(folder)).filter((file) => file.endsWith('.onnx')).map((file) => file.slice(0, -5))
const inputs = new Map<string, ModelInput>()
for (const id of ids) inputs.set(id, await inputOf(id))
const sides = [...new Set([...inputs.values()].map((input) => input.width))]

type Seen = { readonly label: number; readonly bySide: ReadonlyMap<number, Uint8Array> }
const seen: Seen[] = []
let bytesSeen = 0
for await (const { jpeg, label } of pictures({ ...HELD_OUT, cache: join(work, 'pictures') })) {
  const frames = sides.map(async (side) => {
    return [side, await frame(jpeg, { width: side, height: side, resize: 'cover', crop: 1 })] as const
  })
  seen.push({ label: LABELS.indexOf(label), bySide: new Map(await Promise.all(frames)) })
  bytesSeen += jpeg.length
}

const measured: Measured[] = []
for (const [id, input] of inputs) measured.push(await measure(id, input))
measured.sort((a, b) => a.entry.accuracy - b.entry.accuracy)

await writeFile(
  join(folder, 'catalogue.json'),
  `${JSON.stringify(catalogueFile.write({ models: measured.map(({ entry }) => entry) }), null, 2)}\n`,
)
const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, Node ${process.version}, one thread`
const set = `${HELD_OUT.count} pictures, seed ${HELD_OUT.seed}, ${(bytesSeen / seen.length / 1024).toFixed(0)} KB each on average`
await writeFile(join(folder, 'CARDS.md'), cards(measured, { machine, set }))
for (const { entry } of measured) {
  console.log(`${entry.id}: ${(100 * entry.accuracy).toFixed(1)} %, ${entry.latencyMs} ms, ${entry.bytes} bytes`)
}

async function inputOf(id: string): Promise<ModelInput> {
  const session = await InferenceSession.create(join(folder as string, `${id}.onnx`))
  const side = sideOf(session)
  await session.release()
  const fit = { layout: 'NCHW', type: 'float32', channels: 'rgb', resize: 'cover', crop: 1 } as const
  return { name: 'picture', width: side, height: side, ...fit, ...NORMALISATION }
}

async function measure(id: string, input: ModelInput): Promise<Measured> {
  const path = join(folder as string, `${id}.onnx`)
  const file = await readFile(path)
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  const shape = [1, 3, input.height, input.width]
  const run = async (bytes: Uint8Array) => {
    const { logits } = await session.run({ picture: new Tensor('float32', tensor(bytes, input), shape) })
    return logits?.data as Float32Array
  }
  const confusion = LABELS.map(() => LABELS.map(() => 0))
  for (const { label, bySide } of seen) {
    const logits = await run(bySide.get(input.width) as Uint8Array)
    const row = confusion[label] as number[]
    const guess = logits.indexOf(Math.max(...logits))
    row[guess] = (row[guess] ?? 0) + 1
  }

  const fixed = new Tensor('float32', tensor(seen[0]?.bySide.get(input.width) as Uint8Array, input), shape)
  const times: number[] = []
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now()
    await session.run({ picture: fixed })
    times.push(performance.now() - start)
  }
  await session.release()
  times.sort((a, b) => a - b)

  const hits = confusion.reduce((sum, row, i) => sum + (row[i] ?? 0), 0)
  const facts = JSON.parse(await readFile(join(work as string, 'build', `${id.replace('-int8', '')}.json`), 'utf8'))
  const entry: CatalogueEntry = {
    id,
    task: 'classify',
    file: `${id}.onnx`,
    sha256: createHash('sha256').update(file).digest('hex'),
    bytes: file.length,
    input,
    output: { name: 'logits', kind: 'logits' },
    labels: [...LABELS],
    labelOffset: 0,
    accuracy: hits / seen.length,
    precision: id.endsWith('-int8') ? 'int8' : 'float32',
    macs: facts.macs,
    latencyMs: Number(times[RUNS >> 1]?.toFixed(3)),
    licence: 'MIT',
  }
  return { entry, parameters: facts.parameters, confusion, p95: Number(times[Math.floor(RUNS * 0.95)]?.toFixed(3)) }
}
