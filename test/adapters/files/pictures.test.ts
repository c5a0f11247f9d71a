import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pictures } from '../../../adapters/node/index.ts'
import { BadInput, TooLarge } from '../../../pipeline/index.ts'
import { temporaryFolder } from '../../support/folder.ts'

const cwd = temporaryFolder()
for (const [name, byte] of [
  ['b.jpg', 2],
  ['a.jpg', 1],
  ['c.png', 3],
] as const) {
  writeFileSync(join(cwd, name), Uint8Array.of(byte))
}
mkdirSync(join(cwd, 'empty'))

async function all(patterns: string | readonly string[], options: { maxBytes?: number } = {}) {
  const found = []
  for await (const one of pictures(patterns, { cwd, ...options })) found.push(one)
  return found.map((one) => ('error' in one ? one.error : one.payload.form === 'image' && one.payload.bytes[0]))
}

describe('pictures', () => {
  it('come in the order of their names, pattern after pattern', async () => {
    expect(await all(['*.png', '*.jpg'])).toEqual([3, 1, 2])
    expect(await all('{b,a}.jpg')).toEqual([1, 2])
    expect(await all([join(cwd, 'b.jpg'), 'a.jpg'])).toEqual([2, 1])
  })

  it('are captured pictures, each read when it is asked for', async () => {
    const late = join(cwd, 'late.jpg')
    const iterator = pictures(['a.jpg', 'late.jpg'], { cwd })
    expect((await iterator.next()).value).toMatchObject({ payload: { form: 'image', at: 'captured' } })
    writeFileSync(late, Uint8Array.of(9))
    expect((await iterator.next()).value).toMatchObject({ payload: { form: 'image', at: 'captured' } })
  })

  it('that cannot be read are captures that failed, and the others go on', async () => {
    const [missing, folder, large, good] = await all(['missing.jpg', 'empty', 'c.png', 'a.jpg'], { maxBytes: 0 })
    expect(missing).toBeInstanceOf(BadInput)
    expect(missing).toMatchObject({ message: expect.stringMatching(/^missing\.jpg cannot be read: ENOENT/) })
    expect(folder).toMatchObject({ code: 'bad-input', message: expect.stringContaining('"empty/*.jpg"') })
    expect(large).toBeInstanceOf(TooLarge)
    expect(good).toBeInstanceOf(TooLarge)
    expect(await all(['missing.jpg', 'a.jpg'])).toEqual([expect.any(BadInput), 1])
  })

  it.skipIf(process.platform === 'win32')('are never waited for: a pipe is not a picture', async () => {
    execFileSync('mkfifo', [join(cwd, 'pipe')])
    expect(await all(['pipe', 'a.jpg'])).toEqual([expect.any(BadInput), 1])
  })

  it('that no pattern matches end the source, and say which pattern', async () => {
    await expect(all('empty/*.jpg')).rejects.toThrow(/No file matches "empty\/\*\.jpg"/)
  })
})
