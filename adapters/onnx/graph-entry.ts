/* Asks the runtime about a model, in a process of its own; see graph/child.ts. */
import { createInterface } from 'node:readline'
import { reasonOf } from '../../pipeline/index.ts'
import { attempts } from './graph/attempt.ts'
import type { Asked, Question, Said } from './graph/child.ts'
import { type Model, readModel } from './graph/index.ts'
import { load, optimised } from './graph/optimised.ts'
import { openTensors, shapesByRun } from './graph/run-shapes.ts'
import { outline } from './graph/separate.ts'
import { modelHash } from './hash.ts'

const lines = createInterface({ input: process.stdin })
lines.once('line', (line) => {
  // Its input ends when whoever started it is gone, however it went: then nobody wants the answer.
  lines.on('close', () => process.exit(1))
  void reply(JSON.parse(line) as Question)
})

function say(one: Said): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${JSON.stringify(one)}\n`, () => resolve())
  })
}

async function reply(question: Question): Promise<void> {
  try {
    for await (const answer of answers(question)) await say({ answer })
    await say({ end: true })
  } catch (error) {
    await say({ error: reasonOf(error).trim().replace(/\.$/, '') })
  }
}

async function* answers(question: Question): AsyncGenerator<unknown> {
  switch (question.ask) {
    case 'shapes': {
      const model = await read(question.of)
      yield Object.fromEntries(await shapesByRun(model, openTensors(model)))
      break
    }
    case 'optimised':
      await unchanged(question.of)
      yield await optimised(question.of.path, async ({ graph }) => outline(graph))
      break
    case 'attempts':
      yield* attempts(await read(question.of), question.cuts)
      break
    case 'load':
      await load(question.paths)
  }
}

async function read(of: Asked): Promise<Model> {
  await unchanged(of)
  return readModel(of.path, { dimensions: of.dimensions, states: of.states })
}

async function unchanged({ path, sha256 }: Asked): Promise<void> {
  if ((await modelHash(path)) !== sha256) throw new Error('the file changed meanwhile')
}
