import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The Chromium that QUINTET_CHROMIUM names, or the first on PATH; undefined without. */
export const chromium: string | undefined = process.env.QUINTET_CHROMIUM || onPath()

/** Part of the names of tests that need it: says why they are skipped. */
export const needsChromium =
  chromium === undefined
    ? ' (skipped: no Chromium on PATH, and QUINTET_CHROMIUM is not set; apt-get install chromium)'
    : ''

function onPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(canRun)
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
