import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { glob, isDynamicPattern } from 'tinyglobby'
import { BadInput, type Capture, type FailedCapture, TooLarge } from '../../pipeline/index.ts'
import { picture } from '../../stages/index.ts'

export interface PicturesOptions {
  /** Largest file that is read, in bytes. Default 64 MiB. */
  readonly maxBytes?: number
  /** Folder that relative patterns start from. Default: the working directory. */
  readonly cwd?: string
}

/**
 * The pictures that files or glob patterns name, in the order of their names, each read when it is asked for. A file
 * that cannot be read, or is too large, is a capture that failed; the others go on.
 * @throws BadInput (from the iteration) a pattern matches nothing
 */
export async function* pictures(
  patterns: string | readonly string[],
  { maxBytes = 64 * 2 ** 20, cwd = process.cwd() }: PicturesOptions = {},
): AsyncGenerator<Capture | FailedCapture> {
  for (const pattern of typeof patterns === 'string' ? [patterns] : patterns) {
    const files = isDynamicPattern(pattern) ? (await glob(pattern, { cwd, absolute: true })).sort() : [pattern]
    if (files.length === 0) throw new BadInput(`No file matches "${pattern}" in ${cwd}. Check the pattern.`)
    for (const file of files) yield await read(file, maxBytes, cwd)
  }
}

async function read(file: string, maxBytes: number, cwd: string): Promise<Capture | FailedCapture> {
  const began = performance.now()
  try {
    const path = resolve(cwd, file)
    const found = await stat(path)
    if (found.isDirectory()) {
      return { error: new BadInput(`${file} is a folder. Name the pictures in it: "${file}/*.jpg".`) }
    }
    // Reading from a pipe or a device could wait for ever.
    if (!found.isFile()) return { error: new BadInput(`${file} is not a file. Name a picture's file.`) }
    const { size } = found
    if (size > maxBytes) {
      return {
        error: new TooLarge(
          `${file} has ${size} bytes, more than the ${maxBytes} allowed. Raise maxBytes or shrink it.`,
        ),
      }
    }
    const payload = picture(await readFile(path))
    return { payload, ms: performance.now() - began }
  } catch (cause) {
    return {
      error: new BadInput(`${file} cannot be read: ${(cause as Error).message}. Check the path and its rights.`, {
        cause,
      }),
    }
  }
}
