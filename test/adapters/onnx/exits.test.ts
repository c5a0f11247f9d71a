import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/folder.ts'
import { writeModel } from '../../support/onnx-builder.ts'
import { program } from '../../support/program.ts'
import { slow } from '../../support/small-models.ts'

const folder = temporaryFolder()
const long = writeModel(folder, 'long', slow({ times: 60 }))
const script = program(new URL('./programs/ends.ts', import.meta.url))

/** How a program ended that ends itself: its exit code, or the signal. */
async function ended(how: string, after: string): Promise<number | string> {
  const child = spawn(process.execPath, [script, how, JSON.stringify(long), after], {
    stdio: 'ignore',
  })
  const [code, signal] = await once(child, 'exit')
  return signal ?? code
}

async function all(cases: readonly (readonly [string, string])[]): Promise<(number | string)[]> {
  const codes: (number | string)[] = []
  // Two at a time: the end of each has its own moment.
  for (let at = 0; at < cases.length; at += 2) {
    codes.push(...(await Promise.all(cases.slice(at, at + 2).map(([how, after]) => ended(how, after)))))
  }
  return codes
}

describe('a program with a thread executor', () => {
  test('keeps its exit code, in twenty of twenty ends during a run', async () => {
    const codes = await all(Array.from({ length: 20 }, () => ['exit', 'run'] as const))
    expect(codes).toEqual(Array(20).fill(3))
  }, 600_000)

  test('keeps it whatever its thread is starting, loading or running', async () => {
    const moments = Array.from({ length: 14 }, (_, index) => ['exit', String(40 + index * 20)] as const)
    expect(await all(moments)).toEqual(moments.map(() => 3))
  }, 600_000)

  test('ends with 1 by what nobody catches, and by the signal that ends it', async () => {
    const cases = [
      'uncaught',
      'uncaught',
      'uncaught',
      'rejection',
      'rejection',
      'rejection',
      'SIGTERM',
      'SIGTERM',
      'SIGINT',
      'SIGINT',
    ]
    const codes = await all(cases.map((how) => [how, 'run'] as const))
    expect(codes).toEqual([1, 1, 1, 1, 1, 1, 'SIGTERM', 'SIGTERM', 'SIGINT', 'SIGINT'])
  }, 600_000)
})
