import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { availableCores } from '../../adapters/machine/index.ts'
import type { Effort } from './paper.ts'
import { longest } from './registry.ts'
import type { Chapter } from './report.ts'

/** What a process of one paper is told, and what it answers. */
export interface Task {
  readonly name: string
  readonly effort: Effort
}

/** A paper's process ended without what it was to compute; what it said stands on standard error. */
class Unfinished extends Error {
  override readonly name = 'Unfinished'
}

/**
 * Computes papers in processes of their own, as many at once as there are processors. What comes out depends on the
 * effort alone, and comes in the order of the names.
 * @param done hears of each as it ends, with the seconds that it took
 * @throws Error one of them failed; the others are ended
 */
export async function computed(
  names: readonly string[],
  effort: Effort,
  done: (name: string, seconds: number) => void,
): Promise<readonly Chapter[]> {
  const rank = (name: string) => (longest.includes(name) ? longest.indexOf(name) : longest.length)
  const waiting = [...names].sort((a, b) => rank(a) - rank(b))
  const chapters = new Map<string, Chapter>()
  const running = new Set<ChildProcess>()
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const began = performance.now()
      chapters.set(name, await one({ name, effort }, running))
      done(name, (performance.now() - began) / 1000)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(availableCores(), names.length) }, worker))
  } finally {
    waiting.length = 0
    for (const child of running) child.kill()
  }
  return names.map((name) => chapters.get(name) as Chapter)
}

function one(task: Task, running: Set<ChildProcess>): Promise<Chapter> {
  const child = fork(fileURLToPath(new URL('./compute.ts', import.meta.url)), [], {
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
  })
  running.add(child)
  return new Promise<Chapter>((resolve, reject) => {
    child.on('message', (chapter) => resolve(chapter as Chapter))
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      running.delete(child)
      reject(
        new Unfinished(`"${task.name}" ended with ${signal ?? code} before it was computed. See what it said above.`),
      )
    })
    child.send(task)
  })
}
