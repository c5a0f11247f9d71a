// Closes a thread executor in the middle of its run, without time to finish it, and goes its way.
import { readFileSync } from 'node:fs'
import { threadExecutors } from '../../../../adapters/onnx/index.ts'
import type { ModelSource } from '../../../../stages/execute/index.ts'

const model = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as ModelSource
const executor = await threadExecutors().start()
await executor.load(model)
const run = executor.run(model.key, [
  { name: 'x', type: 'float32', shape: [384, 384], bytes: new Uint8Array(384 * 384 * 4) },
])
run.then(
  () => process.stdout.write('ran\n'),
  (error: Error) => process.stdout.write(`${error.name}\n`),
)
setTimeout(async () => {
  await executor.close(Number(process.argv[3]))
  process.stdout.write('closed\n')
}, 50)
