import { relative } from 'node:path'
import type { TestProject } from 'vitest/node'
import { obtainNatsServer } from '../adapters/nats/index.ts'
import { chromium, needsChromium } from './support/chromium.ts'
import { compilePrograms } from './support/program.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The NATS server's binary, or why there is none. */
    nats: { binary: string } | { missing: string }
  }
}

/**
 * Compiles the programs that tests start, and finds the NATS server once for all tests; without it the tests that need it fail with the line that says how to get it.
 * Those that need a browser are skipped without one.
 */
export default async function setup(project: TestProject): Promise<void> {
  await compilePrograms()
  project.onTestsRerun(compilePrograms)
  console.log(`Chromium: ${chromium ?? `none${needsChromium}`}`)
  try {
    const binary = await obtainNatsServer()
    console.log(`NATS server: ${relative(process.cwd(), binary)}`)
    project.provide('nats', { binary })
  } catch (error) {
    const missing = error instanceof Error ? error.message : String(error)
    console.log(missing)
    project.provide('nats', { missing })
  }
}
