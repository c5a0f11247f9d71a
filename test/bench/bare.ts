import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ModelSource } from '../../stages/manage/index.ts'

/** A process that does nothing but run a model. */
export interface Bare {
  readonly pid: number
  run(times: number): Promise<void>
  end(): void
}

/** Starts one for a model that takes pictures of the given side, and waits until it is ready. */
export async function startBare(model: ModelSource, side: number): Promise<Bare> {
  // Compiled as this file is, or from source as it.
  const program = fileURLToPath(new URL(`./bare-runs${import.meta.url.slice(-3)}`, import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, program, model.path, String(side)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the bare process ended with ${code}`)
  })
  ended.catch(() => {})
  const said = () => Promise.race([once(lines, 'line'), ended])
  await said()
  return {
    pid: child.pid ?? 0,
    async run(times) {
      child.stdin?.write(`${times}\n`)
      await said()
    },
    end: () => child.stdin?.end(),
  }
}
