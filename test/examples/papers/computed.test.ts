import { expect, test } from 'vitest'
import { computed } from '../../../examples/papers/computed.ts'
import { papers } from '../../../examples/papers/registry.ts'
import { chapter } from '../../../examples/papers/report.ts'

const effort = { seeds: 2, quick: true, assets: undefined }

test('a paper gives the same in a process of its own as here, plots included', async () => {
  const [made] = await computed(['modi'], effort, () => {})
  const here = await chapter(await (papers.modi as () => ReturnType<(typeof papers)[string]>)(), effort)
  expect(made).toEqual(here)
}, 30_000)

test('a paper that cannot be computed is told by name, and waited for no longer', async () => {
  await expect(computed(['nobody'], effort, () => {})).rejects.toThrow(/"nobody" ended with 1/)
}, 30_000)
