import { expect, test } from 'vitest'
import { type Directory, TooLarge } from '../../pipeline/index.ts'

/** What every directory guarantees. @param open one that others share, and which holds nothing yet */
export function directoryContract(open: () => Promise<readonly [Directory, Directory]>): void {
  const bytes = (text: string) => new TextEncoder().encode(text)
  const read = async (directory: Directory) =>
    Object.fromEntries([...(await directory.list())].map(([key, record]) => [key, new TextDecoder().decode(record)]))

  test('shows everybody the latest record of each key, and none that was removed', async () => {
    const [mine, yours] = await open()
    expect(await read(yours)).toEqual({})
    await mine.put('main.shared.one', bytes('1'))
    await yours.put('main.shared.two', bytes('2'))
    await mine.put('main.shared.one', bytes('1 again'))
    expect(await read(yours)).toEqual({ 'main.shared.one': '1 again', 'main.shared.two': '2' })
    expect(await read(mine)).toEqual(await read(yours))
    await mine.remove('main.shared.one')
    await mine.remove('main.shared.one')
    expect(await read(yours)).toEqual({ 'main.shared.two': '2' })
    await mine.remove('main.shared.two')
  })

  test('refuses a record that is too large, and keys that are none', async () => {
    const [mine] = await open()
    await expect(mine.put('main.shared.one', new Uint8Array(256 * 1024 + 1))).rejects.toThrow(TooLarge)
    for (const key of ['', 'a b', 'a.*', 'a..b', '>']) await expect(mine.put(key, bytes('x'))).rejects.toThrow()
    expect(await read(mine)).toEqual({})
  })
}
