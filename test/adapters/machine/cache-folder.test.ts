import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cacheFolder } from '../../../adapters/machine/index.ts'
import { BadConfiguration } from '../../../pipeline/index.ts'
import { temporaryFolder } from '../../support/folder.ts'

const folder = temporaryFolder()
let count = 0

/** An empty home and an empty temporary folder. */
function surroundings() {
  count += 1
  const [home, temporary] = [join(folder, `home-${count}`), join(folder, `tmp-${count}`)]
  for (const each of [home, temporary]) mkdirSync(each)
  const said: string[] = []
  return { home, temporary, said, tell: (sentence: string) => void said.push(sentence) }
}

const own = (temporary: string) => join(temporary, `quintet-${process.getuid?.()}`)

describe('the cache folder', () => {
  test('is inside XDG_CACHE_HOME, for this user alone, and is made', () => {
    const { home, temporary, said, tell } = surroundings()
    const environment = { XDG_CACHE_HOME: join(home, 'mine') }
    const found = cacheFolder(['splits'], { environment, home, temporary, tell })
    expect(found).toBe(join(home, 'mine', 'quintet', 'splits'))
    expect(statSync(found).mode & 0o777).toBe(0o700)
    expect(said).toEqual([])
  })

  for (const value of [undefined, '', 'relative/path', '.']) {
    test(`is inside ~/.cache where XDG_CACHE_HOME is ${JSON.stringify(value)}`, () => {
      const { home, temporary, tell } = surroundings()
      const found = cacheFolder([], { environment: { XDG_CACHE_HOME: value }, home, temporary, tell })
      expect(found).toBe(join(home, '.cache', 'quintet'))
    })
  }

  for (const [name, broken] of [
    ['below a device', () => '/dev/null/x'],
    ['a file', () => file()],
    ['empty', () => ''],
    ['relative', () => 'somewhere'],
  ] as const) {
    test(`falls back to a folder of this user alone where the home is ${name}, and says so once`, () => {
      const { temporary, said, tell } = surroundings()
      const options = { environment: {}, home: broken(), temporary, tell }
      const found = cacheFolder(['splits'], options)
      expect(found).toBe(join(own(temporary), 'splits'))
      expect(statSync(own(temporary)).mode & 0o777).toBe(0o700)
      cacheFolder(['profiles'], options)
      expect(said).toEqual([expect.stringMatching(/XDG_CACHE_HOME/)])
      expect(existsSync('somewhere')).toBe(false)
    })
  }

  test('is no folder that others can write, or put there', () => {
    const open = surroundings()
    mkdirSync(own(open.temporary))
    chmodSync(own(open.temporary), 0o777)
    const linked = surroundings()
    symlinkSync(linked.home, own(linked.temporary))
    for (const { temporary, tell } of [open, linked]) {
      const ask = () => cacheFolder([], { environment: {}, home: '/dev/null/x', temporary, tell })
      expect(ask).toThrow(BadConfiguration)
      expect(ask).toThrow(/XDG_CACHE_HOME/)
    }
  })
})

function file(): string {
  count += 1
  const path = join(folder, `file-${count}`)
  writeFileSync(path, '')
  return path
}
