import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { modelSplitter } from '../../../adapters/onnx/index.ts'
import { BadConfiguration, Cancelled, ModelLoadFailed } from '../../../pipeline/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { writeModel } from '../../support/onnx-builder.ts'
import { classifier } from '../../support/small-models.ts'

const folder = temporaryFolder()
const cache = join(folder, 'cache')

const model = writeModel(folder, 'model', classifier())

describe('modelSplitter', () => {
  it('cuts a model into a head and a tail on disk, and says what crosses', async () => {
    const splitter = modelSplitter({ folder: cache })
    const split = await splitter.split(model, 'p')
    expect(split.crossing).toEqual(['p'])
    expect(split.head.key).not.toBe(split.tail.key)
    expect(await splitter.split(model, 'p')).toEqual(split)
  })

  it('says where cuts are listed when there is no such one', async () => {
    const split = modelSplitter({ folder: cache }).split(model, 'nowhere')
    await expect(split).rejects.toThrow(BadConfiguration)
    await expect(split).rejects.toThrow(/"nowhere".*quintet inspect/)
  })

  it('does not cut a file that is not what its hash says, is missing, or is no model', async () => {
    const { split } = modelSplitter({ folder: cache })
    await expect(split({ ...model, sha256: 'b'.repeat(64) }, 'p')).rejects.toThrow(/sha256 differs/)
    await expect(split({ ...model, path: join(folder, 'missing.onnx') }, 'p')).rejects.toThrow(
      /missing\.onnx" cannot be read: ENOENT/,
    )
    await expect(split(writeModel(folder, 'text', new TextEncoder().encode('no model')), 'p')).rejects.toThrow(
      ModelLoadFailed,
    )
  })

  it('ends the process that cuts when nobody waits any longer, and writes nothing', async () => {
    const unused = join(folder, 'unused')
    const controller = new AbortController()
    const split = modelSplitter({ folder: unused }).split(model, 'p', controller.signal)
    controller.abort()
    await expect(split).rejects.toThrow(Cancelled)
    expect(readdirSync(folder)).not.toContain('unused')
  })

  it('gives up after its time, as a model that could not be cut', async () => {
    const split = modelSplitter({ folder: cache, within: 1 }).split(model, 'p')
    await expect(split).rejects.toThrow(
      /^"model" could not be cut behind "p": it took more than 1 ms\. Try it with the command line: quintet split\.$/,
    )
  })
})
