import { readdir, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { readModel } from '../../../../adapters/onnx/graph/index.ts'
import { featuresOf, loadProfile, profile, samplesOf, saveProfile } from '../../../../adapters/onnx/profile/index.ts'
import { BadConfiguration } from '../../../../pipeline/index.ts'
import { asset, haveAssets } from '../graph/assets.ts'
import { type Draft, node, weights, write } from '../graph/build.ts'
import { folder } from '../graph/folder.ts'

const at = folder()

const draft: Draft = {
  inputs: { x: [1, 16, 24, 24] },
  outputs: { z: [1, 16, 24, 24] },
  nodes: [
    node('Conv', 'x w', 'a', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }, ''),
    node('Relu', 'a', 'b', {}, ''),
    node('Conv', 'b v', 'c', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], group: 16 }, ''),
    node('Conv', 'c u', 'd', { kernel_shape: [1, 1] }, ''),
    node('Softmax', 'd', 'z', { axis: 1 }, ''),
  ],
  weights: [weights('w', [16, 16, 3, 3]), weights('v', [16, 1, 3, 3]), weights('u', [16, 16, 1, 1])],
}

describe('a profile', () => {
  it('has a time at every layer that does work, and they sum up to the total', async () => {
    const model = await readModel(await write(at('small.onnx'), draft))
    const value = await profile(model, { runs: 8 })
    expect(value.layers.map(({ kind }) => kind)).toEqual([
      'Conv:spatial',
      'Relu',
      'Conv:depthwise',
      'Conv:pointwise',
      'Softmax',
    ])
    for (const layer of value.layers.filter(({ kind }) => /Conv|Softmax/.test(kind))) {
      expect(layer.ms, layer.name).toBeGreaterThan(0)
      expect(layer.low).toBeLessThanOrEqual(layer.ms)
      expect(layer.high).toBeGreaterThanOrEqual(layer.ms)
    }
    // Computed as part of the convolution before it.
    expect(value.layers[1]?.ms).toBe(0)
    expect(value.layers.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(value.total.ms, 6)
    expect(value).toMatchObject({ model: 'small.onnx', sha256: model.file.sha256, threads: 1 })
    expect(value.runtime).toMatch(/^onnxruntime-node \d/)
  })

  it('is found again as it was saved, for its own model alone', async () => {
    const model = await readModel(await write(at('saved.onnx'), draft))
    const other = await readModel(await write(at('other.onnx'), { ...draft, outputs: { d: [1, 16, 24, 24] } }))
    const value = await profile(model, { runs: 3 })
    await saveProfile(at('deep', 'saved.json'), value)
    expect(await loadProfile(at('deep', 'saved.json'), model)).toEqual(value)
    expect(await readdir(at('deep'))).toEqual(['saved.json'])
    await expect(loadProfile(at('deep', 'saved.json'), other)).rejects.toThrow(/profile of another model/)
    expect(samplesOf(value)).toHaveLength(5)
  })

  it('is refused by name when it is missing or none', async () => {
    await expect(loadProfile(at('missing.json'))).rejects.toThrow(BadConfiguration)
    await writeFile(at('broken.json'), '{')
    await expect(loadProfile(at('broken.json'))).rejects.toThrow(/is no profile/)
    await writeFile(at('other.json'), '{"version":1}')
    await expect(loadProfile(at('other.json'))).rejects.toThrow(/is not a profile/)
  })

  it.skipIf(!haveAssets)('tells what is computed with bytes, and whose weights can be replaced', async () => {
    const int8 = featuresOf(await readModel(asset('models/mobilenet_v1_0.25_128_int8.onnx')))
    expect(int8.filter(({ kind }) => kind === 'Conv:depthwise:int8')).toHaveLength(13)
    const faces = featuresOf(await readModel(asset('models/ultraface_rfb_320.onnx')))
    expect(faces.filter(({ kind }) => kind.startsWith('Conv')).every(({ kind }) => kind.endsWith(':replaceable'))).toBe(
      true,
    )
  })
})
