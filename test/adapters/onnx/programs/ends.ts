// Ends in the middle of what a thread executor does: `how` (first argument), so many ms (third) after the start or, at
// "run", inside a run of the model (second, as JSON).
import { threadExecutors } from '../../../../adapters/onnx/index.ts'

const [how, model, after] = process.argv.slice(2)
const source = JSON.parse(model ?? '')

function end(): void {
  if (how === 'exit') process.exit(3)
  if (how === 'uncaught') throw new Error('not caught')
  if (how === 'rejection') void Promise.reject(new Error('not handled'))
  if (how === 'SIGTERM' || how === 'SIGINT') process.kill(process.pid, how)
}

if (after !== 'run') setTimeout(end, Number(after))
const executor = await threadExecutors().start()
await executor.load(source)
const bytes = new Uint8Array(384 * 384 * 4)
const run = () => executor.run(source.key, [{ name: 'x', type: 'float32', shape: [384, 384], bytes }])
if (after === 'run') setTimeout(end, 30)
await Promise.all([run(), run(), run()])
