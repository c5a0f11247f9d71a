import { constants, existsSync } from 'node:fs'
import { access, chmod, copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { QuintetError } from '../../../pipeline/index.ts'
import { cacheFolder } from '../../machine/index.ts'
import { fromDebian } from './debian.ts'
import { fromRelease } from './release.ts'
import { run } from './run.ts'

/** The oldest server that keeps every promise: 2.9 leaks acknowledged messages when it is killed. */
const oldest = [2, 10] as const
const program = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'

/** No NATS server of version 2.10 or newer could be found or fetched. */
export class NatsServerMissing extends QuintetError {
  constructor(tried: readonly string[]) {
    super(
      'bad-configuration',
      `No nats-server ${oldest.join('.')} or newer: brew install nats-server, scoop install main/nats-server, or ` +
        `https://github.com/nats-io/nats-server/releases, then put it on PATH or into NATS_SERVER_BIN. Tried: ${tried.join('; ')}.`,
    )
  }
}

/** Where to look; the defaults are this machine's. */
export interface ObtainOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Folders that keep the binary between runs; the first that can be written gets it. */
  readonly caches?: readonly string[]
  /** Ways to fetch it into an empty folder, tried in order; each gives the binary's path. */
  readonly sources?: readonly ((folder: string) => Promise<string>)[]
}

/**
 * The path of a nats-server 2.10 or newer: `NATS_SERVER_BIN`, PATH, the project's cache, Debian's mirror by apt, the
 * official release. Needs no root; any number of processes may ask at the same time.
 * @throws NatsServerMissing saying how to get one
 */
export async function obtainNatsServer(options: ObtainOptions = {}): Promise<string> {
  const environment = options.environment ?? process.env
  const tried: string[] = []
  const named = environment.NATS_SERVER_BIN
  if (named) {
    if (await usable(named, tried)) return named
    // A wish that cannot be met must not be met by something else.
    throw new NatsServerMissing(tried)
  }
  const onPath = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const find = async (folders: readonly string[]) => {
    for (const folder of folders) {
      const binary = join(folder, program)
      if ((await exists(binary)) && (await usable(binary, tried))) return binary
    }
    return undefined
  }
  const installed = await find(onPath)
  if (installed !== undefined) return installed
  const caches = options.caches ?? cacheFolders(environment)
  const kept = await find(caches)
  if (kept !== undefined) return kept
  const cache = await firstWritable(caches)
  for (const source of options.sources ?? [fromDebian, fromRelease]) {
    try {
      return await fetchInto(cache, source)
    } catch (error) {
      tried.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new NatsServerMissing(tried)
}

/** Fetches in a folder of its own and moves the binary into place in one step, whoever else does the same. */
async function fetchInto(cache: string, source: (folder: string) => Promise<string>): Promise<string> {
  const work = await mkdtemp(join(cache, 'fetch-'))
  try {
    const fetched = await source(work)
    const ready = join(work, `ready-${program}`)
    await copyFile(fetched, ready)
    await chmod(ready, 0o755)
    const faults: string[] = []
    if (!(await usable(ready, faults))) throw new Error(faults.join('; '))
    const place = join(cache, program)
    await rename(ready, place)
    return place
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function usable(binary: string, faults: string[]): Promise<boolean> {
  try {
    const said = await run(binary, ['--version'], { within: 10_000 })
    const found = /v(\d+)\.(\d+)/.exec(said)
    const [major, minor] = [Number(found?.[1]), Number(found?.[2])]
    if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return true
    faults.push(`${binary} is ${said.trim() || 'of no known version'}`)
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error))
  }
  return false
}

function cacheFolders(environment: Readonly<Record<string, string | undefined>>): string[] {
  const modules = join(process.cwd(), 'node_modules')
  const own = existsSync(modules) ? [join(modules, '.cache', 'quintet')] : []
  return [...own, cacheFolder([], { environment })]
}

async function firstWritable(folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true })
      await access(folder, constants.W_OK)
      return folder
    } catch {
      // The next one may do.
    }
  }
  throw new NatsServerMissing([`none of these folders can be written: ${folders.join(', ')}`])
}

async function exists(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}
