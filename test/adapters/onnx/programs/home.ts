// Loads and runs the model (second argument, as JSON) on an executor of a kind (first), as a program of a user would.
import { processExecutors, threadExecutors } from '../../../../adapters/onnx/index.ts'

const [kind, model] = process.argv.slice(2)
const source = JSON.parse(model ?? '')
// Watched by strace it starts slowly.
const slow = { startWithin: 300_000 }
if (kind === 'graph') {
  const { readModel } = await import('../../../../adapters/onnx/graph/index.ts')
  await readModel(source.path)
} else if (kind === 'profile') {
  const { readModel } = await import('../../../../adapters/onnx/graph/index.ts')
  const { measure } = await import('../../../../adapters/onnx/profile/index.ts')
  await measure(await readModel(source.path), { runs: 3 })
} else {
  const executor = await (kind === 'thread' ? threadExecutors(slow) : processExecutors(slow)).start()
  await executor.load(source)
  await executor.close()
}
// The library's collector would have its time now.
await new Promise((resolve) => setTimeout(resolve, 300))
process.exit(0)
