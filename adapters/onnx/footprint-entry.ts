// Loads one model, said as JSON in the first argument, into a process that has nothing else, runs it once, and prints how
// many bytes that took; see footprint.ts.
import type { ExecutorOptions } from '../../stages/execute/index.ts'
import { InferenceSession, Tensor } from './runtime.ts'
import { sessionOptions, warmUp } from './session.ts'
import { storages } from './tensors.ts'

const { path, options } = JSON.parse(process.argv[2] ?? '{}') as { path: string; options: ExecutorOptions }

// Its input ends when whoever started it is gone.
process.stdin.on('end', () => process.exit(1)).resume()

/** Resident bytes when what is free has been given back. */
async function settled(): Promise<number> {
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 20))
  return process.memoryUsage.rss()
}

/** One run on zeros: its activations stay with the session. Free sizes are 1; a model that wants others is left unrun. */
async function runOnce(session: InferenceSession): Promise<void> {
  const feeds: Record<string, Tensor> = {}
  for (const input of session.inputMetadata) {
    const storage = input.isTensor ? storages[input.type as keyof typeof storages] : undefined
    if (!input.isTensor || storage === undefined) return
    const shape = input.shape.map((side) => (typeof side === 'number' && side >= 0 ? side : 1))
    const count = shape.reduce((product, side) => product * side, 1)
    feeds[input.name] = new Tensor(input.type as 'float32', new storage(count) as Float32Array, shape)
  }
  await session.run(feeds).catch(() => {})
}

await warmUp()
const before = await settled()
const session = await InferenceSession.create(path, sessionOptions(options))
await runOnce(session)
const bytes = (await settled()) - before
process.stdout.write(JSON.stringify({ bytes }), () => process.exit())
