import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

/** A folder of the test file's own, gone when it is done; `at('x')` is a path in it. */
export function folder(): (...names: readonly string[]) => string {
  let path = ''
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'quintet-graph-'))
  })
  afterAll(() => rm(path, { recursive: true, force: true }))
  return (...names) => join(path, ...names)
}
