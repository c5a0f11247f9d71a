/**
 * Records the range of every activation that a watched model gives: `calibrate.ts WATCHED FOLDER RANGES.json`.
 * The range kept is where the extremes of 99 in 100 pictures lie, so that a freak picture costs no precision.
 */
// First, since it switches the runtime's telemetry off.
import '../../../adapters/onnx/index.ts'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { NORMALISATION } from './normalisation.ts'
import { sideOf, tensor } from './prepare.ts'

const PICTURES = 300

const [model, folder, target] = process.argv.slice(2)
if (model === undefined || folder === undefined || target === undefined) {
  throw new Error('usage: calibrate.ts WATCHED FOLDER RANGES.json')
}

const session = await InferenceSession.create(await readFile(model), { intraOpNumThreads: 1 })
const side = sideOf(session)
const thumbnails = await open(join(folder, `${side}.rgb`))
const lows = new Map<string, number[]>()
const highs = new Map<string, number[]>()

function record(name: string, values: Float32Array): void {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
  }
  lows.set(name, [...(lows.get(name) ?? []), low])
  highs.set(name, [...(highs.get(name) ?? []), high])
}

const bytes = new Uint8Array(side * side * 3)
for (let i = 0; i < PICTURES; i++) {
  await thumbnails.read(bytes, 0, bytes.length, i * bytes.length)
  const picture = tensor(bytes, NORMALISATION)
  record('picture', picture)
  const outputs = await session.run({ picture: new Tensor('float32', picture, [1, 3, side, side]) })
  for (const [name, value] of Object.entries(outputs)) record(name, value.data as Float32Array)
}
await thumbnails.close()
await session.release()

const at = (values: number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]
const ranges = Object.fromEntries(
  [...lows].map(([name, low]) => [name, [at(low, 0.01), at(highs.get(name) ?? [], 0.99)]]),
)
await writeFile(target, JSON.stringify(ranges))
