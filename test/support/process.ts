import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { program } from './program.ts'

/** Starts what a TypeScript file was compiled to in a process of its own; resolves when it has said something. */
export async function startProcess(file: URL, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program(file), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${file.pathname} ended with ${code} before it was ready`)
  })
  await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), ended])
  ended.catch(() => {})
  return child
}

/** Kills with −9 and waits until it is gone. */
export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
