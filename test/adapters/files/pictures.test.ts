import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
    expect(missing).toMatchObject({ message: expect.stringMatching(/^There is no file missing\.jpg in/) })
    expect(folder).toMatchObject({ code: 'bad-input', message: expect.stringContaining('"empty/*.jpg"') })
    expect(large).toBeInstanceOf(TooLarge)
    expect(good).toBeInstanceOf(TooLarge)
    expect(await all(['missing.jpg', 'a.jpg'])).toEqual([expect.any(BadInput), 1])
  })

  it.skipIf(process.platform === 'win32')('are never waited for: a pipe is not a picture', async () => {
    execFileSync('mkfifo', [join(cwd, 'pipe')])
    expect(await all(['pipe', 'a.jpg'])).toEqual([expect.any(BadInput), 1])
  })

  it('that no pattern matches are captures that failed, and say which pattern; the others go on', async () => {
    const [nothing, good] = await all(['empty/*.jpg', 'a.jpg'])
    expect(nothing).toMatchObject({ code: 'bad-input', message: expect.stringContaining('empty/*.jpg') })
    expect(good).toBe(1)
  })

  const odd = [
    'IMG (1).jpg',
    'a{b,c}.jpg',
    '!bang.jpg',
    '@(x).jpg',
    '[1].jpg',
    '*.star.jpg',
    '?.jpg',
    'a b.jpg',
    '+(y).jpg',
  ]
  it.skipIf(process.platform === 'win32')('whose names hold signs of patterns are files all the same', async () => {
    const folder = join(cwd, 'odd (2)')
    mkdirSync(folder)
    for (const [at, name] of odd.entries()) writeFileSync(join(folder, name), Uint8Array.of(at + 10))
    const expected = odd.map((_, at) => at + 10)
    expect(await all(odd.map((name) => join('odd (2)', name)))).toEqual(expected)
    expect(await all(odd.map((name) => join(folder, name)))).toEqual(expected)
    expect((await all('odd \\(2\\)/*.jpg')).sort()).toEqual(expected)
    // A folder whose name is no pattern is named so that the advice can be taken.
    const [advice] = (await all('odd (2)')) as unknown as [BadInput]
    const pattern = /"(.*)"/.exec(advice.message)?.[1] as string
    expect((await all(pattern)).sort()).toEqual(expected)
  })

  it('that are empty, links to nothing, gone in mid-run, unreadable names or no names fail alone', async () => {
    writeFileSync(join(cwd, 'none.jpg'), '')
    symlinkSync(join(cwd, 'gone'), join(cwd, 'link (1).jpg'))
    symlinkSync(join(cwd, 'circle.jpg'), join(cwd, 'circle.jpg'))
    writeFileSync(join(cwd, 'vanish-1.gif'), Uint8Array.of(21))
    writeFileSync(join(cwd, 'vanish-2.gif'), Uint8Array.of(22))
    const iterator = pictures('vanish-*.gif', { cwd })
    expect((await iterator.next()).value).toMatchObject({ payload: { form: 'image' } })
    rmSync(join(cwd, 'vanish-2.gif'))
    expect((await iterator.next()).value).toMatchObject({ error: { code: 'bad-input' } })

    const names = [
      'none.jpg',
      'link (1).jpg',
      'circle.jpg',
      'x'.repeat(5000),
      'a\0b.jpg',
      '',
      null,
      7,
      'a.jpg/b.jpg',
      '[',
    ]
    const found = (await all([...names, 'a.jpg'] as string[])) as unknown as BadInput[]
    const sentences = found.slice(0, -1).map((error) => error.message)
    expect(found.at(-1)).toBe(1)
    expect(found.slice(0, -1).every((error) => error instanceof BadInput)).toBe(true)
    expect(sentences[0]).toMatch(/none\.jpg is empty/)
    expect(sentences[1]).toMatch(/link \(1\)\.jpg .*link to a file that is gone/)
    expect(sentences[2]).toMatch(/circle/)
    expect(sentences[3]).toMatch(/too long/)
    expect(sentences[4]).toMatch(/names no picture/)
    expect(sentences[6]).toMatch(/^null names no picture/)
  })

  it('that grow while they are read are read as far as they were', async () => {
    // Linux says of its own files that they are empty.
    const [own] = await all(process.platform === 'linux' ? '/proc/self/maps' : 'none.jpg')
    expect(own).toMatchObject({ code: 'bad-input' })
  })
})
