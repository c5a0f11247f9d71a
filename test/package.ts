/*
 * npm run test:package: packs the package, installs it into an empty project, and there type-checks and runs the
 * README's program, opens every entry, and asks the command line for a model's layers.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'quintet-package-'))
const run = (command: string, args: readonly string[], cwd = project) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 300_000 })

try {
  run('npm', ['pack', '--pack-destination', project], root)
  const tarball = readdirSync(project).find((file) => file.endsWith('.tgz')) as string
  const { allowScripts, overrides, devDependencies, exports } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'empty', private: true, type: 'module', allowScripts, overrides }),
  )
  writeFileSync(join(project, '.npmrc'), readFileSync(join(root, '.npmrc')))
  const types = (['typescript', '@types/node'] as const).map((name) => `${name}@${devDependencies[name]}`)
  run('npm', ['install', '--no-audit', '--no-fund', `./${tarball}`, ...types])

  const program = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1]
  if (!program) throw new Error('The README has no TypeScript program.')
  writeFileSync(join(project, 'program.ts'), program)
  const options = { module: 'nodenext', target: 'es2023', types: ['node'], strict: true }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }))
  run('npx', ['tsc'])
  const lines = run('node', ['program.js']).trim().split('\n')
  if (lines.length !== 10)
    throw new Error(`The README's program printed ${lines.length} lines, not 10:\n${lines.join('\n')}`)

  const entries = Object.keys(exports).map((path) => path.replace('.', 'quintet'))
  const opened = `for (const entry of ${JSON.stringify(entries)}) if (Object.keys(await import(entry)).length === 0) throw new Error(entry + ' exports nothing')`
  run('node', ['--input-type=module', '-e', opened])
  const imports = entries.map((entry, index) => `import * as entry${index} from '${entry}'\nvoid entry${index}\n`)
  writeFileSync(join(project, 'entries.ts'), imports.join(''))
  run('npx', ['tsc', '--noEmit'])
  const model = 'node_modules/quintet/examples/zoo/models/nano.onnx'
  const { layers } = JSON.parse(run('npx', ['quintet', 'inspect', model, '--json']))
  if (!(layers?.length > 0)) throw new Error('The command line listed no layers.')

  console.log(`The packed package type-checks and answers: ${lines[0]} …`)
} finally {
  rmSync(project, { recursive: true, force: true })
}
