import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { program } from '../support/program.ts'

/**
 * Runs an example, interrupts it as a terminal's Ctrl-C does (all of its process group) once it has printed a line that
 * matches, and waits until it and all that it started have ended.
 */
async function interrupted(
  file: string,
  args: readonly string[],
  at: RegExp,
): Promise<{ child: ChildProcess; output: string }> {
  const script = program(new URL(`../../examples/${file}`, import.meta.url))
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const read = (data: Buffer) => {
      output += data
      if (at.test(output)) resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it could be interrupted: ${output}`)))
  })
  process.kill(-(child.pid as number), 'SIGINT')
  await once(child, 'close')
  return { child, output }
}

function messages(output: string) {
  const found = /messages\s+(\d+) in = (\d+) results \+ (\d+) failures \+ (\d+) dropped/.exec(output)
  if (!found) throw new Error(`no count of messages in: ${output}`)
  const [all, results, failures, dropped] = found.slice(1).map(Number) as [number, number, number, number]
  return { all, results, failures, dropped }
}

describe('SIGINT in the middle', () => {
  test.each([
    { file: 'quickstart/main.ts', count: 60, what: 'one process' },
    { file: 'nats/main.ts', count: 150, what: 'a device and two workers over NATS' },
  ])(
    '$what: capture stops, what is in flight finishes, all closes, exit code 0',
    async ({ file, count }) => {
      const { child, output } = await interrupted(file, ['--count', String(count)], / in \d+ ms/)
      expect(child.exitCode).toBe(0)
      const { all, results, failures, dropped } = messages(output)
      expect(all).toBeLessThan(count)
      expect(results).toBeGreaterThan(0)
      expect(results + failures + dropped).toBe(all)
      expect(failures).toBe(0)
    },
    120_000,
  )

  test('before there is a device: the workers and the server end, too, exit code 0', async () => {
    const { child, output } = await interrupted('nats/main.ts', ['--count', '60'], /serves/)
    expect(output).not.toMatch(/Error/)
    expect(child.exitCode).toBe(0)
  }, 60_000)
})
