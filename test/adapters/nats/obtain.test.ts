import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NatsServerMissing, obtainNatsServer } from '../../../adapters/nats/index.ts'
import { mirrorAmong } from '../../../adapters/nats/obtain/debian.ts'
import { fromRelease } from '../../../adapters/nats/obtain/release.ts'
import { run } from '../../../adapters/nats/obtain/run.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-obtain-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A program that says it is a nats-server of some version. */
async function pretend(version: string, place: string, name = 'nats-server'): Promise<string> {
  await mkdir(place, { recursive: true })
  const file = join(place, name)
  await writeFile(file, `#!/bin/sh\necho "nats-server: v${version}"\n`)
  await chmod(file, 0o755)
  return file
}

const never = async () => {
  throw new Error('must not be fetched')
}

describe('obtaining the nats server', () => {
  it('takes the one that NATS_SERVER_BIN names, and nothing else when it does not do', async () => {
    const good = await pretend('2.11.4', folder, 'mine')
    const old = await pretend('2.9.10', folder, 'old')
    const ask = (file: string) =>
      obtainNatsServer({ environment: { NATS_SERVER_BIN: file, PATH: '' }, sources: [never] })
    expect(await ask(good)).toBe(good)
    await expect(ask(old)).rejects.toThrow(/v2\.9\.10/)
    await expect(ask(join(folder, 'none'))).rejects.toThrow(NatsServerMissing)
  })

  it('passes over an old one on PATH for the one in the cache', async () => {
    await pretend('2.9.10', join(folder, 'bin'))
    const cached = await pretend('3.0.0', join(folder, 'cache'))
    const environment = { PATH: join(folder, 'bin') }
    expect(await obtainNatsServer({ environment, caches: [join(folder, 'cache')], sources: [never] })).toBe(cached)
  })

  it('keeps what it fetched, for any number of processes that ask at once', async () => {
    const caches = [join(folder, 'cache')]
    let fetched = 0
    const source = async (work: string) => {
      fetched++
      return pretend('2.10.27', work, 'unpacked')
    }
    const ask = () => obtainNatsServer({ environment: { PATH: '' }, caches, sources: [source] })
    const found = await Promise.all(Array.from({ length: 5 }, ask))
    expect(new Set(found)).toEqual(new Set([join(folder, 'cache', 'nats-server')]))
    const before = fetched
    await ask()
    expect(fetched).toBe(before)
    expect(await readdir(join(folder, 'cache'))).toEqual(['nats-server'])
  })

  it('tries the next source when one fails, and passes over a cache that cannot be written', async () => {
    await writeFile(join(folder, 'file'), '')
    const sources = [
      async () => {
        throw new Error('no apt here')
      },
      (work: string) => pretend('2.8.0', work, 'too-old'),
      (work: string) => pretend('2.12.0', work, 'fine'),
    ]
    const caches = [join(folder, 'file', 'below'), join(folder, 'cache')]
    const environment = { PATH: '' }
    expect(await obtainNatsServer({ environment, caches, sources })).toBe(join(folder, 'cache', 'nats-server'))
  })

  it('says how to get one, and what it tried, when there is none', async () => {
    const sources = [
      async () => {
        throw new Error('no apt here')
      },
      async () => {
        throw new Error('no network there')
      },
    ]
    const failing = obtainNatsServer({ environment: { PATH: '' }, caches: [folder], sources })
    await expect(failing).rejects.toThrow(NatsServerMissing)
    for (const word of ['brew install', 'NATS_SERVER_BIN', 'no apt here', 'no network there']) {
      await expect(failing).rejects.toThrow(word)
    }
    expect(await readdir(folder)).toEqual([])
  })

  it('finds the Debian mirror, and takes no other archive for it', () => {
    expect(mirrorAmong('http://deb.debian.org/debian-security\nhttp://deb.debian.org/debian\n')).toBe(
      'http://deb.debian.org/debian',
    )
    expect(mirrorAmong('deb [trusted=yes] https://mirror.example/pub/debian/ bookworm main')).toBe(
      'https://mirror.example/pub/debian',
    )
    expect(mirrorAmong('http://archive.ubuntu.com/ubuntu\nhttp://deb.debian.org/debian-security')).toBeUndefined()
  })
})

describe('the official release', () => {
  const name = 'nats-server-v2.10.27-linux-amd64'

  /** A release page with one archive; `sum` is what its SHA256SUMS claims. */
  async function release(sum?: string): Promise<{ origin: string; close: () => void }> {
    await pretend('2.10.27', join(folder, 'made', name))
    await run('tar', ['-czf', 'made.tar.gz', '-C', 'made', name], { cwd: folder, within: 10_000 })
    const archive = await readFile(join(folder, 'made.tar.gz'))
    const hash = sum ?? createHash('sha256').update(archive).digest('hex')
    const server = createServer((request, response) => {
      if (request.url === `/${name}.tar.gz`) response.end(archive)
      else if (request.url === '/SHA256SUMS') response.end(`${'0'.repeat(64)}  other.zip\n${hash}  ${name}.tar.gz\n`)
      else response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
  }

  const linux = { platform: 'linux', arch: 'x64' }

  it('is unpacked when its hash is the one that the release states', async () => {
    const { origin, close } = await release()
    const binary = await fromRelease(join(folder, 'work'), { origin, ...linux })
    expect(await run(binary, [], { within: 5000 })).toContain('v2.10.27')
    close()
  })

  it('is refused when the hash differs, before anything is unpacked', async () => {
    const { origin, close } = await release('f'.repeat(64))
    await expect(fromRelease(join(folder, 'work'), { origin, ...linux })).rejects.toThrow(/hash/)
    await expect(readdir(join(folder, 'work'))).rejects.toThrow()
    close()
  })

  it('says which address failed, and which platform has no build', async () => {
    const { origin, close } = await release()
    const mac = fromRelease(join(folder, 'work'), { origin, platform: 'darwin', arch: 'arm64' })
    await expect(mac).rejects.toThrow(`${origin}/nats-server-v2.10.27-darwin-arm64.tar.gz: answered 404`)
    close()
    await expect(fromRelease(folder, { platform: 'aix', arch: 'ppc' })).rejects.toThrow(
      'no official release for aix ppc',
    )
  })
})
