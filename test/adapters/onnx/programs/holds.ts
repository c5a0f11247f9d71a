// Makes loads within a budget on executors of a kind and prints what that left resident; told as JSON in the first argument.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { processExecutors, threadExecutors } from '../../../../adapters/onnx/index.ts'
import { executorPool, type ModelSource, modelCache } from '../../../../stages/execute/index.ts'

const { kind, budget, loads, models } = JSON.parse(process.argv[2] ?? '') as {
  readonly kind: 'thread' | 'process'
  readonly budget: number
  readonly loads: number
  readonly models: readonly (ModelSource & { readonly input: string; readonly shape: readonly number[] })[]
}

/** Resident bytes of this process and its children once free memory has been given back, but for this program's own heap. */
async function settled(): Promise<number> {
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 300))
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  const { heapTotal, external } = process.memoryUsage()
  const page = Number(execFileSync('getconf', ['PAGESIZE']))
  return (
    [String(process.pid), ...children]
      .filter((pid) => pid !== '')
      // Not the compiler that runs this from its source, whose memory comes and goes.
      .filter((pid) => !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('esbuild'))
      .reduce(
        (sum, pid) => sum + Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * page,
        -heapTotal - external,
      )
  )
}

const pool = executorPool({
  factory: kind === 'thread' ? threadExecutors() : processExecutors(),
  size: 1,
  cache: (host, clock) => modelCache({ host, clock, budget, loadBytesPerFileByte: 1, guard: 0 }),
})
while (pool.statistics().up < 1) await new Promise((resolve) => setTimeout(resolve, 20))

async function run(index: number): Promise<ModelSource> {
  const { input, shape, ...model } = models[index] as (typeof models)[number]
  const bytes = new Uint8Array(4 * shape.reduce((product, side) => product * side, 1))
  await pool.run(model, [{ name: input, type: 'float32', shape, bytes }])
  return model
}

// Once there and back, so that what this program needed to start is given back before it is compared with.
for (const index of models.keys()) await pool.cache?.evict(await run(index))
const before = await settled()
let seed = 1
while ((pool.cache?.statistics().loads ?? 0) < loads) {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  await run((seed >>> 8) % models.length)
}
const after = await settled()
const { usedBytes, evictions } = pool.cache?.statistics() ?? {}
await Promise.all(models.map((model) => pool.cache?.evict(model)))
// What start-up needed may go meanwhile, so that the models are weighed by what their end gives back, too.
console.log(JSON.stringify({ held: after - before, freed: after - (await settled()), usedBytes, evictions }))
await pool.close()
process.exit(0)
