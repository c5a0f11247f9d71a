import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

import { ModelLoadFailed, versioned } from '../../../pipeline/index.ts'
import { hashOf } from '../hash.ts'
import { type Encoded, writeEncoded } from './encode.ts'

/** A file of a cache entry. */
export interface SavedFile {
  readonly path: string
  readonly sha256: string
  readonly bytes: number
}

/** One entry of the cache. */
export interface Saved {
  readonly files: Readonly<Record<string, SavedFile>>
  /** What the maker had to say about it. */
  readonly about: unknown
}

/** What an entry is made from. */
export interface Making {
  readonly files: Readonly<Record<string, Encoded>>
  readonly about: unknown
  /** Looks at the written files, by path, before the entry appears; what it throws leaves no entry behind. */
  readonly check?: (paths: readonly string[]) => Promise<void>
}

/** An entry of another version is none: each release keeps those of its own beside those of others. */
const manifest = versioned({
  what: 'an entry of the split cache',
  version: 1,
  remedy: 'Remove it: it is made anew.',
  schema: z.object({
    files: z.record(z.string(), z.object({ sha256: z.string(), bytes: z.number() })),
    about: z.unknown(),
  }),
})

const making = new Map<string, Promise<Saved>>()

/**
 * The files of an entry: those on disk where they are whole, otherwise made anew. An entry appears at once or not at
 * all (it is written aside and renamed); several processes may make the same one, and callers of one process wait for
 * the one that does.
 * @throws ModelLoadFailed where somebody else keeps changing the entry
 */
export async function cached(folder: string, key: string, make: () => Promise<Making>): Promise<Saved> {
  const path = join(folder, `v${manifest.version}`, key)
  const running = making.get(path)
  if (running) return running
  const work = readOrMake(path, make).finally(() => making.delete(path))
  making.set(path, work)
  return work
}

async function readOrMake(path: string, make: () => Promise<Making>): Promise<Saved> {
  const found = await verified(path)
  if (found) return found
  const made = await make()
  const aside = `${path}.${randomUUID()}`
  await mkdir(aside, { recursive: true })
  try {
    const files: Record<string, { sha256: string; bytes: number }> = {}
    for (const [name, content] of Object.entries(made.files)) {
      files[name] = { sha256: await writeEncoded(join(aside, name), content), bytes: content.length }
    }
    await made.check?.(Object.keys(made.files).map((name) => join(aside, name)))
    await writeFile(join(aside, 'split.json'), JSON.stringify(manifest.write({ files, about: made.about }), null, 1))
    return await put(aside, path)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

async function put(aside: string, path: string): Promise<Saved> {
  for (let attempt = 0; ; attempt++) {
    const renamed = await rename(aside, path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        // Somebody was faster, or what stands there is damaged; both show when it is read.
        if (attempt < 3 && ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code ?? '')) return false
        throw error
      },
    )
    const saved = await verified(path)
    if (saved) return saved
    if (renamed) {
      throw new ModelLoadFailed(`${path} changed while it was written. Do not let other programs write into the cache.`)
    }
    await rm(path, { recursive: true, force: true })
  }
}

/** The entry on disk where all its files are what was written. */
async function verified(path: string): Promise<Saved | undefined> {
  try {
    const { files, about } = manifest.read(JSON.parse(await readFile(join(path, 'split.json'), 'utf8')), path)
    const saved: Record<string, SavedFile> = {}
    for (const [name, { sha256, bytes }] of Object.entries(files)) {
      const file = join(path, name)
      if ((await stat(file)).size !== bytes || (await hashOf(file)) !== sha256) return undefined
      saved[name] = { path: file, sha256, bytes }
    }
    return { files: saved, about }
  } catch {
    return undefined
  }
}
