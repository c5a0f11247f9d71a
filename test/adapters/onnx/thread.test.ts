import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../support/folder.ts'
import { writeModel } from '../../support/onnx-builder.ts'
import { program } from '../../support/program.ts'
import { slow } from '../../support/small-models.ts'

const folder = temporaryFolder()

for (const [within, outcome] of [
  [0, 'ExecutorLost'],
  [60_000, 'ran'],
] as const) {
  test(`closing while a thread runs does not abort the process, with ${within} ms to finish`, async () => {
    const model = join(folder, 'model.json')
    writeFileSync(model, JSON.stringify(writeModel(folder, 'long', slow({ times: 300 }))))
    const script = program(new URL('./programs/close-in-run.ts', import.meta.url))
    const child = spawn(process.execPath, [script, model, String(within)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [said, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(said.trim().split('\n')).toEqual([outcome, 'closed'])
  })
}
