/*
 * npm run soak:cache                     under five minutes on two cores
 * npm run soak:cache -- --runs NUMBER    fewer, for a look
 *
 * 200 real models through memory for 20: 10,000 runs on two executor processes. Prints what the process tree held
 * beyond its idle baseline, against the budget; ends with 1 when that was more than a quarter above it, or a run failed.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processExecutors } from '../../adapters/onnx/index.ts'
import { commandLine, positive, program } from '../../examples/program.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'
import { executorPool, modelCache } from '../../stages/execute/index.ts'
import { generatedModels } from './cache-models.ts'

const [models, room, width] = [200, 20, 4]

await program(async () => {
  const { runs = '10000' } = commandLine({ runs: { type: 'string' } })
  const folder = mkdtempSync(join(tmpdir(), 'quintet-soak-'))
  try {
    const holds = await soak(folder, positive('runs', runs))
    process.exitCode = holds ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true })
  }
})

async function soak(folder: string, runs: number): Promise<boolean> {
  const generated = generatedModels(folder, models, 2e6, 16e6)
  // As much as so many models of middling size need, by their files.
  const budget = (room / models) * 1.25 * generated.reduce((sum, { source }) => sum + source.bytes, 0)
  const pool = executorPool({
    factory: processExecutors(),
    size: 2,
    cache: (host, clock) => modelCache({ host, clock, budget, loadBytesPerFileByte: 1 }),
  })
  const random = seededRandom(1)
  // Zipf with exponent 1: a few are asked for all the time, most hardly ever.
  const cumulative: number[] = []
  for (const index of generated.keys()) cumulative.push((cumulative.at(-1) ?? 0) + 1 / (index + 1))
  const draw = () => {
    const at = random() * (cumulative.at(-1) ?? 0)
    return generated[cumulative.findIndex((sum) => at < sum)]
  }
  try {
    while (pool.statistics().up < 2) await new Promise((resolve) => setTimeout(resolve, 20))
    const baseline = await settledMemory()
    let peak = 0
    let failures = 0
    let started = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, treeMemory() - baseline)
    }, 20)
    const began = performance.now()
    const worker = async () => {
      while (started++ < runs) {
        const chosen = draw()
        if (chosen === undefined) continue
        await pool.run(chosen.source, [chosen.input]).catch((error) => {
          failures += 1
          if (failures <= 3) console.error(error)
        })
        if (started % 1_000 === 0) console.error(`${started} runs, ${mega(peak)} MB at most so far`)
      }
    }
    await Promise.all(Array.from({ length: width }, worker))
    clearInterval(watch)
    const { hitRatio, loads, evictions, sizeError, coldLatencyShare, reloadWithin60s, coalescing } =
      pool.cache?.statistics() ?? {}
    const seconds = (performance.now() - began) / 1_000
    console.log(
      JSON.stringify(
        {
          runs,
          failures,
          seconds: Number(seconds.toFixed(1)),
          budgetMB: mega(budget),
          baselineMB: mega(baseline),
          peakMB: mega(peak),
          peakShareOfBudget: Number((peak / budget).toFixed(3)),
          hitRatio,
          loads,
          evictions,
          sizeError,
          coldLatencyShare,
          reloadWithin60s,
          coalescing,
          recycled: pool.statistics().recycled,
        },
        undefined,
        2,
      ),
    )
    return failures === 0 && peak <= 1.25 * budget
  } finally {
    await pool.close()
  }
}

function mega(bytes: number): number {
  return Number((bytes / 1e6).toFixed(1))
}

/** Waits until what the start needed is given back. */
async function settledMemory(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 500))
  return treeMemory()
}

/** Resident bytes of this process and those it started, also of executors that have been replaced and live on for a while. */
function treeMemory(): number {
  const children = read(`/proc/${process.pid}/task/${process.pid}/children`).trim()
  return [String(process.pid), ...(children === '' ? [] : children.split(' '))].reduce(
    (sum, pid) => sum + residentBytes(pid),
    0,
  )
}

function residentBytes(pid: string): number {
  return Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * 4_096
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}
