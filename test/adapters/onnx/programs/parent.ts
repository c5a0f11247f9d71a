// Starts a process executor, says so, and lives on until it is killed.
import { processExecutors } from '../../../../adapters/onnx/index.ts'

const executor = await processExecutors().start()
process.stdout.write(`${executor.id}\n`)
