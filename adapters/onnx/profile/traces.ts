import { readFile, unlink } from 'node:fs/promises'
import { z } from 'zod'
import type { Layer, Model } from '../graph/index.ts'

const event = z.object({
  cat: z.string(),
  name: z.string(),
  dur: z.number(),
  args: z.object({ op_name: z.string().optional() }).optional(),
})

/** One run as the runtime's profiler saw it. */
export interface TracedRun {
  /** Milliseconds the runtime spent in the run. */
  readonly ms: number
  /** Milliseconds per layer, by index; 0 for layers that were computed as part of another. */
  readonly layers: readonly number[]
}

const kernel = '_kernel_time'

/** Reads and removes a trace file: one entry per run. Times of fused operators stand at the layer that does the work. */
export async function readTrace(path: string, model: Model): Promise<TracedRun[]> {
  const events = z.array(event).parse(JSON.parse(await readFile(path, 'utf8')))
  await unlink(path)
  const runs: TracedRun[] = []
  const find = finder(model)
  let layers = model.layers.map(() => 0)
  let waiting = 0
  let last = -1
  for (const { cat, name, dur } of events) {
    if (cat === 'Node' && name.endsWith(kernel)) {
      const layer = find(name.slice(0, -kernel.length))
      if (layer === undefined) {
        // Changes of memory layout that the runtime put in go to the layer before, at the start to the one behind.
        if (last < 0) waiting += dur / 1000
        else layers[last] = (layers[last] ?? 0) + dur / 1000
        continue
      }
      layers[layer] = (layers[layer] ?? 0) + dur / 1000 + waiting
      waiting = 0
      last = layer
    } else if (cat === 'Session' && name === 'model_run') {
      runs.push({ ms: dur / 1000, layers })
      layers = model.layers.map(() => 0)
      last = -1
    }
  }
  return runs
}

/** From a name in the trace to the layer whose time it is. */
function finder(model: Model): (name: string) => number | undefined {
  const byName = new Map<string, Layer>()
  for (const layer of model.layers) for (const output of layer.outputs) byName.set(output.name, layer)
  for (const layer of model.layers) byName.set(layer.name, layer)
  const known = new Map<string, number | undefined>()
  return (name) => {
    if (!known.has(name)) {
      const bare = name.replace(/^fused /, '').replace(/(_bn|_mul|_nchwc|_token_\d+|_gemm)+$/, '')
      const layer = byName.get(name) ?? byName.get(bare)
      known.set(name, layer && worker(model, layer, byName).index)
    }
    return known.get(name)
  }
}

// A fused operator carries the name of its last layer; the work is that of the product it starts with.
function worker(model: Model, layer: Layer, made: ReadonlyMap<string, Layer>): Layer {
  let at = layer
  while (at.macs === 0 && /^(Relu|Clip|LeakyRelu|Sigmoid|Tanh|BatchNormalization|Add|Mul|HardSigmoid)$/.test(at.kind)) {
    const input = at.inputs[0]
    const before = input && made.get(input.name)
    if (!before || (model.wiring.readers.get(input.name)?.length ?? 0) > 1) return layer
    at = before
  }
  return at.macs === 0 ? layer : at
}
