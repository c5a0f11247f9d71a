import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/folder.ts'
import { writeModel } from '../../support/onnx-builder.ts'
import { program } from '../../support/program.ts'
import { classifier } from '../../support/small-models.ts'

const folder = temporaryFolder()
const model = writeModel(folder, 'small', classifier())
const script = program(new URL('./programs/home.ts', import.meta.url))

const strace = ((): boolean => {
  try {
    execFileSync('strace', ['-o', '/dev/null', '/bin/true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** Runs the program in an empty home, and gives what it left there and the network addresses it asked for. */
function run(kind: string): { left: string[]; sockets: string[] } {
  const home = join(folder, `home-${kind}`)
  mkdirSync(home)
  const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...environment } = process.env
  const trace = join(folder, `trace-${kind}`)
  const node = [process.execPath, script, kind, JSON.stringify(model)]
  const [command = '', ...args] = strace ? ['strace', '-f', '-e', 'trace=connect', '-o', trace, ...node] : node
  execFileSync(command, args, { env: { ...environment, HOME: home }, stdio: 'ignore' })
  const lines = strace ? readFileSync(trace, 'utf8').split('\n') : []
  return {
    left: readdirSync(home, { recursive: true }).map(String),
    sockets: lines.filter((line) => /AF_INET|resolv|nscd|systemd\/resolve/.test(line)),
  }
}

describe('the ONNX runtime', () => {
  for (const kind of ['thread', 'process', 'graph', 'profile']) {
    test(`writes nothing into the home and looks nobody up: ${kind}${strace ? '' : ' (look-ups unseen: no strace)'}`, () => {
      expect(run(kind)).toEqual({ left: [], sockets: [] })
    }, 300_000)
  }
})
