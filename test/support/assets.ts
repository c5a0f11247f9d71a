import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Real models and pictures beside the repository, or in the folder that QUINTET_ASSETS names; undefined without. */
export const assets: string | undefined = [
  process.env.QUINTET_ASSETS,
  fileURLToPath(new URL('../../../shared/assets', import.meta.url)),
  // Compiled, this file stands one folder deeper.
  fileURLToPath(new URL('../../../../shared/assets', import.meta.url)),
].find((folder): folder is string => folder !== undefined && existsSync(folder))

/** Part of the names of tests that need them: says why they are skipped. */
export const needsAssets = assets === undefined ? ' (skipped: no ../shared/assets, and QUINTET_ASSETS is not set)' : ''
