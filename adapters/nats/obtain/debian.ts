import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

/** The Debian release whose package is new enough; it runs unchanged on older ones. */
const release = 'trixie'
const stepWithin = 60_000

/**
 * Unpacks Debian's own package into a folder, from the machine's own mirror, without root and without touching the
 * system's lists or packages.
 * @returns the binary's path
 * @throws Error when there is no apt, no Debian mirror, or the mirror does not have it
 */
export async function fromDebian(folder: string): Promise<string> {
  const mirror = await debianMirror()
  const apt = await privateApt(folder, mirror)
  await run('apt-get', [...apt, 'update'], { cwd: folder, within: stepWithin })
  await run('apt-get', [...apt, 'download', 'nats-server'], { cwd: folder, within: stepWithin })
  const archive = (await readdir(folder)).find((name) => name.startsWith('nats-server_') && name.endsWith('.deb'))
  if (!archive) throw new Error('apt-get download left no package behind')
  await run('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: folder, within: stepWithin })
  return join(folder, 'unpacked', 'usr', 'sbin', 'nats-server')
}

/** The mirror this machine already uses, else the one its source files name. */
async function debianMirror(): Promise<string> {
  const format = ['indextargets', '--format', '$(SITE)', 'Created-By: Packages']
  const known = await run('apt-get', format, { within: stepWithin })
  const mirror = mirrorAmong(known) ?? mirrorAmong(await sourceFiles())
  if (!mirror) throw new Error('no Debian mirror among the sources of apt')
  return mirror
}

/** The first address that ends in `/debian`: neither the security archive nor another vendor's. */
export function mirrorAmong(text: string): string | undefined {
  return /https?:\/\/[^\s\]]+?\/debian(?=\/?(?:\s|$))/m.exec(text)?.[0]
}

/** On a machine that never ran `apt-get update` apt knows no index yet, its source files do. */
async function sourceFiles(): Promise<string> {
  const folder = '/etc/apt/sources.list.d'
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(list|sources)$/.test(name))
  const files = ['/etc/apt/sources.list', ...names.map((name) => join(folder, name))]
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  return texts.join('\n').replace(/^\s*#.*$/gm, '')
}

/** Options that keep apt inside the folder. */
async function privateApt(folder: string, mirror: string): Promise<string[]> {
  const lists = join(folder, 'lists')
  const cache = join(folder, 'cache')
  const sources = join(folder, 'sources.list')
  await mkdir(join(lists, 'partial'), { recursive: true })
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true })
  await writeFile(sources, `deb ${mirror} ${release} main\n`)
  const settings = [
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${lists}`,
    `Dir::Cache=${cache}`,
    'Acquire::Languages=none',
    'Acquire::Retries=2',
    // Without this root would hand the download to a user who may not write here.
    'APT::Sandbox::User=',
  ]
  return settings.flatMap((setting) => ['-o', setting])
}
