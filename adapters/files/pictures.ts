import { constants, type FileHandle, lstat, open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { escapePath, glob } from 'tinyglobby'
import { z } from 'zod'
import {
  BadInput,
  type Capture,
  described,
  type FailedCapture,
  readOptions,
  reasonOf,
  TooLarge,
} from '../../pipeline/index.ts'
import { picture } from '../../stages/index.ts'

export interface PicturesOptions {
  /** Largest file that is read, in bytes. Default 64 MiB. */
  readonly maxBytes?: number
  /** Folder that relative paths and patterns start from. Default: the working directory. */
  readonly cwd?: string
}

const picturesOptions = z.strictObject({
  maxBytes: z
    .number()
    .min(0)
    .default(64 * 2 ** 20),
  cwd: z.string().min(1).optional(),
} satisfies Record<keyof PicturesOptions, z.ZodType>)

/**
 * The pictures that paths or glob patterns name, in the order of their names, each read when it is asked for. What exists
 * under a name is that file, whatever characters it holds (`IMG (1).jpg`); else the name is a pattern. A file that cannot
 * be read, or is too large, and a pattern that matches nothing are captures that failed; the others go on.
 * @throws BadConfiguration naming the option that is wrong
 */
export function pictures(
  names: string | readonly string[],
  options: PicturesOptions = {},
): AsyncGenerator<Capture | FailedCapture> {
  const { maxBytes, cwd = process.cwd() } = readOptions(picturesOptions, options, 'pictures()')
  return readAll(names, maxBytes, cwd)
}

async function* readAll(
  names: string | readonly string[],
  maxBytes: number,
  cwd: string,
): AsyncGenerator<Capture | FailedCapture> {
  for (const name of Array.isArray(names) ? names : [names]) {
    const files = await filesOf(name, cwd)
    if ('error' in files) yield files
    else for (const file of files) yield await read(file, maxBytes, cwd)
  }
}

async function filesOf(name: unknown, cwd: string): Promise<readonly string[] | FailedCapture> {
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    const what = typeof name === 'string' ? JSON.stringify(name) : described(name)
    return { error: new BadInput(`${what} names no picture. Give a path or a glob pattern.`) }
  }
  const exists = await lstat(resolve(cwd, name)).then(
    () => true,
    // Whatever else keeps it from being looked at says reading it.
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  )
  if (exists) return [name]
  try {
    const found = await glob(name, { cwd, absolute: true })
    if (found.length > 0) return found.sort()
  } catch (cause) {
    return { error: new BadInput(`${name} cannot be looked for: ${reasonOf(cause)}. Check the pattern.`, { cause }) }
  }
  return {
    error: new BadInput(`There is no file ${name} in ${cwd}, and none matches it as a pattern. Check the name.`),
  }
}

async function read(file: string, maxBytes: number, cwd: string): Promise<Capture | FailedCapture> {
  const began = performance.now()
  let handle: FileHandle | undefined
  try {
    // Opening a pipe that nobody writes to would wait for ever.
    handle = await open(resolve(cwd, file), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const found = await handle.stat()
    if (found.isDirectory()) {
      throw new BadInput(`${file} is a folder. Name the pictures in it: "${escapePath(file)}/*.jpg".`)
    }
    if (!found.isFile()) throw new BadInput(`${file} is not a file. Name a picture's file.`)
    const { size } = found
    if (size > maxBytes) {
      throw new TooLarge(`${file} has ${size} bytes, more than the ${maxBytes} allowed. Raise maxBytes or shrink it.`)
    }
    if (size === 0) throw new BadInput(`${file} is empty: it has 0 bytes. Was it written to its end?`)
    return { payload: picture(await readWhole(handle, size, file)), ms: performance.now() - began }
  } catch (error) {
    return { error: error instanceof BadInput || error instanceof TooLarge ? error : unreadable(file, error) }
  } finally {
    await handle?.close().catch(() => {})
  }
}

/** As many bytes as the file said it has, and no more: it may grow for ever. */
async function readWhole(handle: FileHandle, size: number, file: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; ) {
    const { bytesRead } = await handle.read(bytes, at, size - at, at)
    if (bytesRead === 0) throw new BadInput(`${file} became shorter while it was read. Read it once it is written.`)
    at += bytesRead
  }
  return bytes
}

const hints: Readonly<Record<string, string>> = {
  ENOENT: 'there is none, or it is a link to a file that is gone. Check the path',
  EACCES: 'it may not be read. Check its rights',
  EPERM: 'it may not be read. Check its rights',
  EISDIR: 'it is a folder. Name the pictures in it',
  ELOOP: 'its links lead in a circle. Name the file itself',
  ENAMETOOLONG: 'its name is too long. Check the path',
  EMFILE: 'too many files are open. Let the process open more, or let a smaller window read',
  ENXIO: 'it is not a file. Name a picture’s file',
}

function unreadable(file: string, cause: unknown): BadInput {
  const { code = '' } = cause as NodeJS.ErrnoException
  const why = hints[code]
  const shown = file.length > 200 ? `${file.slice(0, 200)}…` : file
  return new BadInput(
    why ? `${shown} cannot be read (${code}): ${why}.` : `${shown} cannot be read: ${reasonOf(cause)}. Check the disk.`,
    { cause },
  )
}
