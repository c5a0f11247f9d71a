import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const fromSource = import.meta.url.endsWith('.ts')
const root = fileURLToPath(new URL('../../', import.meta.url))
const build = join(root, 'build')

/**
 * What Node runs of a TypeScript file, as a path. Programs that tests start run compiled, as those of the package do: each
 * start costs a third of what it costs where sources are compiled on the fly.
 */
export function program(file: URL): string {
  const path = fileURLToPath(file)
  const script = fromSource ? join(build, relative(root, path)) : path
  return script.replace(/\.ts$/, '.js')
}

/** Compiles what tests start, or what of it has changed; types are checked elsewhere. @throws Error where that fails */
export async function compilePrograms(): Promise<void> {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  const compiler = join(typescript, 'bin', 'tsc')
  await promisify(execFile)(process.execPath, [compiler, '-p', join(root, 'tsconfig.programs.json')])
}
