// A process that only runs a model: `bare-runs.ts MODEL SIDE`; for each line with a number on its standard input it
// runs the model that many times and answers with a line.
import { createInterface } from 'node:readline'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const [path, side] = [process.argv[2] as string, Number(process.argv[3])]
const session = await InferenceSession.create(path, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
})
const input = new Tensor('float32', new Float32Array(3 * side * side).fill(0.5), [1, 3, side, side])
const name = session.inputNames[0] as string

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  for (let run = 0; run < Number(line); run++) await session.run({ [name]: input })
  process.stdout.write('done\n')
}
await session.release()
