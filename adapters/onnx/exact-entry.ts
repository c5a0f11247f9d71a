/* Asks the runtime how it computes one model, and tries cuts of it; see graph/child.ts. */
import { createInterface } from 'node:readline'
import { asQuintetError } from '../../pipeline/index.ts'
import { attempts } from './graph/attempt.ts'
import type { Answer, Question } from './graph/child.ts'
import { readModel } from './graph/index.ts'
import { optimised } from './graph/optimised.ts'
import { outline } from './graph/separate.ts'
import { hashOf } from './hash.ts'

const lines = createInterface({ input: process.stdin })
lines.once('line', (line) => {
  // Its input ends when whoever started it is gone, however it went: then nobody wants the answer.
  lines.on('close', () => process.exit(1))
  void reply(JSON.parse(line) as Question)
})

function say(answer: Answer): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${JSON.stringify(answer)}\n`, () => resolve())
  })
}

async function reply({ path, sha256, dimensions, states, cuts }: Question): Promise<void> {
  try {
    if ((await hashOf(path)) !== sha256) throw new Error('the file changed meanwhile')
    if (!cuts) await say({ answer: await optimised(path, async ({ graph }) => outline(graph)) })
    else for await (const answer of attempts(await readModel(path, { dimensions, states }), cuts)) await say({ answer })
    await say({ end: true })
  } catch (error) {
    await say({ error: asQuintetError(error, 'exact').message })
  }
}
