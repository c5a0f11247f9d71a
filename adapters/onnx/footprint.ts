import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { ExecutorOptions, ModelSource } from '../../stages/execute/index.ts'
import { cacheFolder } from '../machine/index.ts'
import { processEntry } from './entry.ts'

// Raised whenever the same model would be measured otherwise.
const version = 1
const saved = z.object({ version: z.literal(version), bytes: z.number().int().positive() })

/** Longest that one measurement may take, ms. */
const within = 60_000

/** By what is measured; one that failed is tried again. */
const figures = new Map<string, Promise<number | undefined>>()

/**
 * Bytes that a model takes in an executor, warmed by a run: measured once for each content, options, runtime and processor in a
 * process of its own, against the runtime without a model, and remembered on disk. The growth of a process that does other
 * things, and uses again what an earlier model gave back, says nothing (0.16 MB for a model of 45).
 *
 * @returns undefined where it could not be measured
 */
export async function footprint(model: ModelSource, options: ExecutorOptions): Promise<number | undefined> {
  const key = keyOf(model, options)
  const figure = figures.get(key) ?? recallOrMeasure(key, model, options)
  figures.set(key, figure)
  if ((await figure) === undefined) figures.delete(key)
  return figure
}

async function recallOrMeasure(key: string, model: ModelSource, options: ExecutorOptions): Promise<number | undefined> {
  const folder = folderOf()
  const file = folder && join(folder, `${key}.json`)
  const known = file === undefined ? undefined : await recall(file)
  if (known !== undefined) return known
  const bytes = await measured(model, options)
  if (bytes !== undefined && file !== undefined) await remember(file, bytes)
  return bytes
}

function keyOf({ key, sha256, bytes }: ModelSource, { threads, optimisation }: ExecutorOptions): string {
  const runtime = createRequire(import.meta.url)('onnxruntime-node/package.json') as { readonly version: string }
  const about = [version, key, sha256, bytes, threads, optimisation, runtime.version, arch(), cpus()[0]?.model]
  return createHash('sha256').update(JSON.stringify(about)).digest('hex')
}

/** Without a folder each process measures for itself. */
function folderOf(): string | undefined {
  try {
    const folder = cacheFolder(['footprints'])
    mkdirSync(folder, { recursive: true })
    return folder
  } catch {
    return undefined
  }
}

async function recall(file: string): Promise<number | undefined> {
  try {
    return saved.parse(JSON.parse(await readFile(file, 'utf8'))).bytes
  } catch {
    return undefined
  }
}

async function remember(file: string, bytes: number): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await writeFile(aside, JSON.stringify({ version, bytes }))
    await rename(aside, file)
  } catch {
    // Measured again next time.
  }
}

function measured({ path, bytes: least }: ModelSource, options: ExecutorOptions): Promise<number | undefined> {
  const { url, execArgv } = processEntry('footprint-entry')
  const args = ['--expose-gc', ...execArgv, fileURLToPath(url), JSON.stringify({ path, options })]
  const env = { ...process.env, MALLOC_TRIM_THRESHOLD_: '65536' }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: within, killSignal: 'SIGKILL', env }, (error, output) => {
      if (error) return resolve(undefined)
      try {
        const { bytes } = z.object({ bytes: z.number() }).parse(JSON.parse(output))
        // Weights need a place; a page more or less is noise.
        resolve(Math.max(Math.round(bytes), Math.min(least, 1 << 16), 1))
      } catch {
        resolve(undefined)
      }
    })
  })
}
