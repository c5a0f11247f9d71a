/* Asks the runtime what its first argument, JSON, says, and prints the answer; see graph/aside.ts. */

import type { AsideAnswer, AsideQuestion } from './graph/aside.ts'
import { readModel } from './graph/index.ts'
import { openTensors, shapesByRun } from './graph/run-shapes.ts'
import { InferenceSession } from './runtime.ts'

const question = JSON.parse(process.argv[2] ?? '{}') as AsideQuestion

// Its input ends when whoever started it is gone, however it went: then nobody wants the answer.
process.stdin.on('end', () => process.exit(1)).resume()

async function answer(): Promise<AsideAnswer> {
  try {
    if ('load' in question) {
      for (const path of question.load) {
        const session = await InferenceSession.create(path, { logSeverityLevel: 4, intraOpNumThreads: 1 })
        await session.release()
      }
      return { shapes: {} }
    }
    const model = await readModel(question.run, { dimensions: question.dimensions })
    if (model.file.sha256 !== question.sha256) return { error: 'the file changed meanwhile' }
    return { shapes: Object.fromEntries(await shapesByRun(model, openTensors(model))) as Record<string, number[]> }
  } catch (error) {
    return { error: (error instanceof Error ? error.message : String(error)).trim().replace(/\.$/, '') }
  }
}

process.stdout.write(JSON.stringify(await answer()), () => process.exit())
