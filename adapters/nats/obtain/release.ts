import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

const version = '2.10.27'
const origin = `https://github.com/nats-io/nats-server/releases/download/v${version}`
const downloadWithin = 120_000

const systems: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' }
const processors: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm7' }

/** Where a release lies and for whom; the defaults are the project's own for this machine. */
export interface ReleaseSource {
  readonly origin?: string
  readonly platform?: string
  readonly arch?: string
}

/**
 * Downloads the NATS project's official release into a folder, checks it against the release's own SHA256SUMS and
 * unpacks it.
 * @returns the binary's path
 * @throws Error when there is no build for this platform, the download fails, or the hash differs
 */
export async function fromRelease(folder: string, source: ReleaseSource = {}): Promise<string> {
  const platform = source.platform ?? process.platform
  const system = systems[platform]
  const processor = processors[source.arch ?? process.arch]
  if (!system || !processor) throw new Error(`no official release for ${platform} ${source.arch ?? process.arch}`)
  const extension = system === 'windows' ? 'zip' : 'tar.gz'
  const name = `nats-server-v${version}-${system}-${processor}`
  const from = source.origin ?? origin
  const archive = await download(`${from}/${name}.${extension}`)
  const sums = (await download(`${from}/SHA256SUMS`)).toString('utf8')
  assertSum(sums, `${name}.${extension}`, archive)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `archive.${extension}`), archive)
  // The tar of Windows and macOS opens zip files too.
  await run('tar', ['-xf', `archive.${extension}`], { cwd: folder, within: 60_000 })
  return join(folder, name, system === 'windows' ? 'nats-server.exe' : 'nats-server')
}

function assertSum(sums: string, file: string, archive: Uint8Array): void {
  const line = sums.split('\n').find((one) => one.trim().endsWith(file))
  const wanted = line?.trim().split(/\s+/)[0]?.toLowerCase()
  const found = createHash('sha256').update(archive).digest('hex')
  if (wanted !== found) throw new Error(`${file} has the hash ${found}, the release says ${wanted ?? 'nothing'}`)
}

async function download(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(downloadWithin) })
    if (!response.ok) throw new Error(`answered ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined
    throw new Error(`${url}: ${cause ?? (error instanceof Error ? error.message : String(error))}`)
  }
}
