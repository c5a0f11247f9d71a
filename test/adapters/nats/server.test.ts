import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { connect as connectClient } from 'nats'
import { describe, expect, inject, it, vi } from 'vitest'
import { connect, NatsServerFailed } from '../../../adapters/nats/index.ts'
import { testServer } from '../../support/nats.ts'
import { program } from '../../support/program.ts'

/** Whether a process of that id runs. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('nats server', () => {
  it('is ready when it is there, and gone with nothing left when stopped', async () => {
    const server = await testServer()
    const transport = await connect(server.url)
    expect(server.url).toBe(`nats://127.0.0.1:${server.port}`)
    expect(runs(server.pid)).toBe(true)
    await transport.drain()
    await Promise.all([server.stop(), server.stop()])
    expect(runs(server.pid)).toBe(false)
  })

  it('is killed as by a crash, and starts again on its port with the files it had', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quintet-test-'))
    try {
      const first = await testServer({ jetStream: { folder } })
      const before = await connectClient({ servers: first.url })
      await (await before.jetstreamManager()).streams.add({ name: 'KEPT', subjects: ['kept'] })
      await before.close()
      await first.kill()
      expect(runs(first.pid)).toBe(false)
      const second = await testServer({ jetStream: { folder }, port: first.port })
      const after = await connectClient({ servers: second.url })
      expect((await (await after.jetstreamManager()).streams.info('KEPT')).config.name).toBe('KEPT')
      await after.close()
      await second.stop()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('listens for WebSocket clients on demand', async () => {
    const server = await testServer({ webSocket: true })
    expect(server.webSocketUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/)
    const port = Number(server.webSocketUrl?.split(':').at(-1))
    expect(port).not.toBe(server.port)
    const response = await fetch(`http://127.0.0.1:${port}/`)
    expect(response.status).toBe(400)
    await server.stop()
  })

  it('says why it did not start, and leaves nothing behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quintet-test-'))
    vi.stubEnv('TMPDIR', folder)
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as AddressInfo
    try {
      await expect(testServer({ port })).rejects.toThrow(NatsServerFailed)
      await expect(testServer({ port })).rejects.toThrow(/address already in use/)
      await expect(testServer({ configuration: 'nonsense {' })).rejects.toThrow(NatsServerFailed)
      await expect(testServer({ binary: '/no/such/nats-server' })).rejects.toThrow(/ENOENT/)
      expect(await readdir(folder)).toEqual([])
    } finally {
      vi.unstubAllEnvs()
      taken.close()
      await rm(folder, { recursive: true, force: true })
    }
  })

  it.each([
    { end: 'process.exit(0)', how: 'by itself' },
    { end: "process.kill(process.pid, 'SIGTERM')", how: 'by a signal' },
    { end: "process.kill(process.pid, 'SIGKILL')", how: 'killed' },
  ])('ends with the process that started it ($how), and leaves nothing behind', async ({ end }) => {
    const nats = inject('nats')
    if ('missing' in nats) throw new Error(nats.missing)
    const folder = await mkdtemp(join(tmpdir(), 'quintet-test-'))
    const script = `
      import { natsServer } from ${JSON.stringify(pathToFileURL(program(new URL('../../../adapters/nats/index.ts', import.meta.url))).href)}
      const server = await natsServer({ binary: ${JSON.stringify(nats.binary)} })
      console.log(server.pid)
      ${end}`
    const args = ['--input-type=module', '-e', script]
    const owner = spawn(process.execPath, args, {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pid = Number((await owner.stdout.toArray()).join(''))
    expect(pid).toBeGreaterThan(0)
    const left = async () => (await readdir(folder)).filter((name) => name.startsWith('quintet-nats-'))
    while (runs(pid) || (await left()).length > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await rm(folder, { recursive: true, force: true })
  })
})
