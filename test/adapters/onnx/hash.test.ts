import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cutInTwo, findCut, readModel, split } from '../../../adapters/onnx/graph/index.ts'
import { hashOf, modelHash } from '../../../adapters/onnx/hash.ts'
import { processExecutors } from '../../../adapters/onnx/index.ts'
import { ModelLoadFailed } from '../../../pipeline/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { type Draft, external, floats, graph, model, node } from './graph/build.ts'

const folder = temporaryFolder()
let made = 0

/** `x` [1, 4] → MatMul with weights of another file → Relu → `y`; and where they lie. */
function apart(values: readonly number[], location = 'weights.bin'): { path: string; weights: string } {
  const at = join(folder, `model-${made++}`)
  mkdirSync(at)
  const weights = join(at, location)
  mkdirSync(dirname(weights), { recursive: true })
  writeFileSync(weights, new Uint8Array(Float32Array.from(values).buffer))
  const draft: Draft = {
    inputs: { x: [1, 4] },
    outputs: { y: [1, 2] },
    nodes: [node('MatMul', 'x w', 'a'), node('Relu', 'a', 'y')],
    weights: [external('w', [4, 2], location)],
  }
  const path = join(at, 'model.onnx')
  writeFileSync(path, model(draft))
  return { path, weights }
}

const eight = [1, 2, 3, 4, 5, 6, 7, 8]

describe('what a model is known by', () => {
  it('is the sha256 of its file where all weights are in it', async () => {
    const path = join(folder, 'whole.onnx')
    const bytes = model({
      inputs: { x: [1, 4] },
      outputs: { y: [1, 4] },
      nodes: [node('Add', 'x w', 'y')],
      weights: [floats('w', [1, 4], [1, 2, 3, 4])],
    })
    writeFileSync(path, bytes)
    expect(await modelHash(path)).toBe(createHash('sha256').update(bytes).digest('hex'))
  })

  it('is another one where the weights beside it are others, and the same wherever it stands', async () => {
    const one = apart(eight)
    const same = apart(eight)
    const other = apart([...eight].reverse())
    expect(await modelHash(same.path)).toBe(await modelHash(one.path))
    expect(await modelHash(other.path)).not.toBe(await modelHash(one.path))
    expect(await hashOf(other.path)).toBe(await hashOf(one.path))
  })

  it('holds weights of subfolders, of constants and of branches', async () => {
    const { path, weights } = apart(eight, 'deep/down.bin')
    const before = await modelHash(path)
    writeFileSync(weights, new Uint8Array(32))
    expect(await modelHash(path)).not.toBe(before)

    const at = join(folder, 'branches')
    mkdirSync(at)
    const branch = (file: string) =>
      graph({
        inputs: {},
        outputs: { b: [2] },
        nodes: [node('Identity', 'v', 'b')],
        weights: [external('v', [2], file)],
      })
    const nested = join(at, 'model.onnx')
    writeFileSync(
      nested,
      model({
        inputs: { c: [1] },
        outputs: { y: [2] },
        nodes: [
          node('Constant', '', 'k', { value: external('k', [2], 'constant.bin') }),
          node('If', 'c', 'i', { then_branch: branch('then.bin'), else_branch: branch('else.bin') }),
          node('Add', 'i k', 'y'),
        ],
      }),
    )
    const files = ['constant.bin', 'then.bin', 'else.bin'].map((name) => join(at, name))
    for (const file of files) writeFileSync(file, new Uint8Array(8))
    const hashes = [await modelHash(nested)]
    for (const file of files) {
      writeFileSync(file, new Uint8Array(8).fill(1))
      hashes.push(await modelHash(nested))
    }
    expect(new Set(hashes).size).toBe(4)
  })

  it('refuses weights that are missing, or outside of the folder by name or by link', async () => {
    const lost = apart(eight)
    const outside = join(folder, 'outside.bin')
    writeFileSync(outside, new Uint8Array(32))
    const linked = apart(eight)
    symlinkSync(outside, join(dirname(linked.path), 'link.bin'))
    const named = (path: string, location: string) => {
      const draft: Draft = {
        inputs: { x: [1, 4] },
        outputs: { y: [1, 2] },
        nodes: [node('MatMul', 'x w', 'y')],
        weights: [external('w', [4, 2], location)],
      }
      writeFileSync(path, model(draft))
      return modelHash(path)
    }
    await expect(named(lost.path, 'nowhere.bin')).rejects.toThrow('"nowhere.bin", which is not beside it')
    for (const location of ['../outside.bin', outside, 'link.bin', 'C:\\weights.bin', 'a\\..\\..\\outside.bin']) {
      await expect(named(linked.path, location), location).rejects.toThrow('outside its folder')
    }
  })

  it('is told of a damaged file, too', async () => {
    const { path } = apart(eight)
    writeFileSync(path, Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3))
    expect(await modelHash(path)).toBe(await hashOf(path))
    writeFileSync(path, '')
    expect(await modelHash(path)).toBe(await hashOf(path))
  })

  it('is what executors, cut models and descriptions go by', async () => {
    const { path, weights } = apart(eight)
    const sha256 = await modelHash(path)
    expect((await readModel(path)).file.sha256).toBe(sha256)
    const cache = join(folder, 'splits')
    const read = await readModel(path)
    const before = await split(read, await findCut(read, 'a'), { folder: cache })
    const source = { key: sha256, name: 'apart', path, sha256, bytes: 100 }
    const executor = await processExecutors().start()
    try {
      await executor.load(source)
      await executor.unload(source.key)
      writeFileSync(weights, new Uint8Array(Float32Array.from([...eight].reverse()).buffer))
      await expect(executor.load(source)).rejects.toThrow(ModelLoadFailed)
      await expect(executor.load(source)).rejects.toThrow(/"apart" is not the file it should be/)
    } finally {
      await executor.close()
    }
    const now = await readModel(path)
    const after = await split(now, await findCut(now, 'a'), { folder: cache })
    expect(after.head.sha256).not.toBe(before.head.sha256)
    expect((await cutInTwo(now, await findCut(now, 'a'))).head.bytes.length).toBe(after.head.bytes)
  })
})
