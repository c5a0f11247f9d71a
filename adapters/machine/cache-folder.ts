import { accessSync, constants, lstatSync, mkdirSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { BadConfiguration } from '../../pipeline/index.ts'

/** Where to look; the defaults are this process's. */
export interface CacheFolderOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly home?: string
  readonly temporary?: string
  /** Is told once for each folder, in a sentence, that a temporary one is used. Default: a warning of the process. */
  readonly tell?: (sentence: string) => void
}

const told = new Set<string>()

/**
 * The folder for what can be made again (splits, profiles, measured sizes, a fetched server), made where it is missing:
 * `quintet` inside `$XDG_CACHE_HOME` (which counts as unset where it is empty or relative, as its specification says),
 * else inside `~/.cache`. Where that cannot be written, a folder of this user alone (0700) inside the temporary one,
 * which is told.
 * @param parts folders inside it
 * @throws BadConfiguration nothing can be written, or the temporary folder's place is somebody else's
 */
export function cacheFolder(parts: readonly string[] = [], options: CacheFolderOptions = {}): string {
  const { environment = process.env, temporary = tmpdir(), tell = warn } = options
  const wished = environment.XDG_CACHE_HOME
  const home = options.home ?? homeOf()
  const base = wished && isAbsolute(wished) ? wished : home && isAbsolute(home) ? join(home, '.cache') : undefined
  const usual = base === undefined ? undefined : join(base, 'quintet', ...parts)
  if (usual !== undefined && writable(usual)) return usual
  const user = process.getuid?.()
  const own = join(temporary, user === undefined ? 'quintet' : `quintet-${user}`)
  const folder = join(own, ...parts)
  if (!writable(own) || !isMine(own, user) || !writable(folder)) {
    throw new BadConfiguration(
      `No cache folder: neither ${usual ?? 'a home'} nor ${own} is a folder that this user alone can write. Set XDG_CACHE_HOME to one.`,
    )
  }
  if (!told.has(own)) {
    told.add(own)
    tell(
      `${usual ?? 'No home, and so no cache folder,'} cannot be written; ${own} is used. Set XDG_CACHE_HOME to a folder that lasts.`,
    )
  }
  return folder
}

function homeOf(): string | undefined {
  try {
    return homedir()
  } catch {
    // A user without an entry and without HOME, as containers have them.
    return undefined
  }
}

function writable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Anybody may make folders in the temporary one: what is found there is trusted only where nobody else can write it. */
function isMine(folder: string, user: number | undefined): boolean {
  const found = lstatSync(folder)
  return found.isDirectory() && (user === undefined || (found.uid === user && (found.mode & 0o077) === 0))
}

function warn(sentence: string): void {
  process.emitWarning(sentence, { code: 'QUINTET_CACHE' })
}
