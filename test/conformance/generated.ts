import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Subject } from './examine.ts'
import { idioms, newest, oldest } from './idioms.ts'

/** Writes the generated models of these opsets, or of those names alone, into a folder. */
export async function generated(
  folder: string,
  opsets: readonly number[],
  names?: readonly string[],
): Promise<Subject[]> {
  const subjects: Subject[] = []
  for (const { name, since = oldest, until = newest, build } of idioms) {
    if (names && !names.includes(name)) continue
    for (const opset of opsets.filter((one) => one >= since && one <= until)) {
      const path = join(folder, `${subjects.length}.onnx`)
      await writeFile(path, build(opset))
      subjects.push({ name: `${name}, opset ${opset}`, path, set: 'generated' })
    }
  }
  return subjects
}

/** The opsets of which there are generated models. */
export function everyOpset(): number[] {
  return Array.from({ length: newest - oldest + 1 }, (_, index) => oldest + index)
}
