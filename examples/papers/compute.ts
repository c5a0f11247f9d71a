/* The process of one paper: is sent a task, answers with a chapter, and ends with its parent. */
import type { Task } from './computed.ts'
import { papers } from './registry.ts'
import { chapter } from './report.ts'

process.on('disconnect', () => process.exit(1))
process.once('message', async ({ name, effort }: Task) => {
  const load = papers[name]
  if (!load) throw new RangeError(`There is no paper "${name}".`)
  const made = await chapter(await load(), effort)
  process.send?.(made, () => process.exit(0))
})
