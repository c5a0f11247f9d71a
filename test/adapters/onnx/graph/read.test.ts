import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import {
  BadExternalData,
  DynamicShape,
  here,
  NotAModel,
  readModel,
  split,
  UnknownCut,
  UnknownOperator,
} from '../../../../adapters/onnx/graph/index.ts'
import { asset, haveAssets } from './assets.ts'
import { type Draft, external, node, weights, write } from './build.ts'
import { folder } from './folder.ts'
import { findCut } from './here.ts'

const at = folder()

const dense: Draft = {
  inputs: { x: ['N', 8] },
  outputs: { y: ['N', 4] },
  nodes: [node('Gemm', 'x w b', 'h'), node('Relu', 'h', 'r'), node('Gemm', 'r v', 'y')],
  weights: [weights('w', [8, 6]), weights('b', [6]), weights('v', [6, 4])],
}

describe('reading a model', () => {
  it('tells layers, shapes, bytes, work and weights', async () => {
    const model = await readModel(await write(at('dense.onnx'), dense))
    expect(model.layers.map(({ name, kind, macs, parameters }) => [name, kind, macs, parameters])).toEqual([
      ['h', 'Gemm', 48, 54],
      ['r', 'Relu', 0, 0],
      ['y', 'Gemm', 24, 24],
    ])
    expect(model.layers.map(({ inputBytes, outputBytes }) => [inputBytes, outputBytes])).toEqual([
      [32, 24],
      [24, 24],
      [24, 16],
    ])
  })

  it('takes sizes of free dimensions, and 1 for the batch', async () => {
    const path = await write(at('free.onnx'), dense)
    expect((await readModel(path)).inputs[0]?.shape).toEqual([1, 8])
    const model = await readModel(path, { dimensions: { N: 3 } })
    expect(model.layers[0]).toMatchObject({ outputBytes: 72, macs: 144 })
  })

  it('orders nodes that the file has in another order', async () => {
    const model = await readModel(await write(at('shuffled.onnx'), { ...dense, nodes: [...dense.nodes].reverse() }))
    expect(model.layers.map(({ name }) => name)).toEqual(['h', 'r', 'y'])
  })

  it('leaves out what no answer needs and what never changes', async () => {
    const nodes = [
      ...dense.nodes,
      node('Relu', 'x', 'nobody_reads_this'),
      node('Constant', '', 'c', { value: weights('c', [4]) }),
      node('Neg', 'c', 'd'),
    ]
    const last = [node('Add', 'y d', 'z')]
    const model = await readModel(
      await write(at('dead.onnx'), { ...dense, nodes: [...nodes, ...last], outputs: { z: ['N', 4] } }),
    )
    expect(model.layers.map(({ name }) => name)).toEqual(['h', 'r', 'y', 'z'])
  })

  it('keeps weights as views of the file, without a copy', async () => {
    const big = { ...dense, weights: [weights('w', [8, 6]), weights('b', [6]), weights('v', [6, 4])] }
    const { file } = await readModel(await write(at('views.onnx'), big))
    const buffers = new Set(file.graph.initializer.map(({ rawData }) => rawData.buffer))
    expect(buffers.size).toBe(1)
    expect([...buffers][0]?.byteLength).toBeGreaterThanOrEqual(file.bytes)
  })

  it.skipIf(!haveAssets)('lists AlexNet and VGG-19 with the sizes of the literature', async () => {
    const alexnet = await readModel(asset('graphs/light_bvlc_alexnet.onnx'))
    const bytes = (model: typeof alexnet, label: string) => model.layers.find((one) => one.label === label)?.outputBytes
    expect(bytes(alexnet, 'conv2')).toBe(4 * 256 * 26 * 26)
    expect(bytes(alexnet, 'pool5')).toBe(36_864)
    expect(bytes(alexnet, 'fc6')).toBe(16_384)
    expect(alexnet.layers.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(60_965_224)

    const vgg = await readModel(asset('graphs/light_vgg19.onnx'))
    expect(bytes(vgg, 'pool5')).toBe(4 * 512 * 7 * 7)
    expect(bytes(vgg, 'conv1_1')).toBe(4 * 64 * 224 * 224)
    expect(vgg.layers.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(143_667_240)
    expect(vgg.layers.reduce((sum, { macs = 0 }) => sum + macs, 0)).toBe(19_632_062_464)
  })
})

describe('a file that cannot be used', () => {
  it('is refused when it is missing, empty, or something else', async () => {
    await expect(readModel(at('missing.onnx'))).rejects.toThrow(NotAModel)
    for (const [name, bytes] of [
      ['empty', ''],
      ['text', 'This is no model, it is a sentence.'],
      ['zip', 'PK\u0003\u0004'],
    ]) {
      const path = at(`${name}.onnx`)
      await writeFile(path, bytes ?? '')
      await expect(readModel(path), name).rejects.toThrow(NotAModel)
    }
  })

  it('is refused wherever its end is missing', async () => {
    const whole = await readFile(await write(at('whole.onnx'), dense))
    for (let length = 1; length < whole.length; length += 7) {
      const path = at('truncated.onnx')
      await writeFile(path, whole)
      await truncate(path, length)
      await expect(readModel(path), `${length} of ${whole.length} bytes`).rejects.toThrow(NotAModel)
    }
  })

  it('is refused when its nodes wait for each other, or a tensor is made twice', async () => {
    const circle = [node('Add', 'x q', 'p'), node('Relu', 'p', 'q')]
    const io = { inputs: { x: [1] }, outputs: { q: [1] } }
    await expect(readModel(await write(at('circle.onnx'), { ...io, nodes: circle }))).rejects.toThrow(/circle/)
    const twice = [node('Relu', 'x', 'q'), node('Neg', 'x', 'q')]
    await expect(readModel(await write(at('twice.onnx'), { ...io, nodes: twice }))).rejects.toThrow(/made by two/)
  })

  it('is refused, by name, for an operator that the runtime does not know', async () => {
    const path = await write(at('operator.onnx'), {
      ...dense,
      nodes: [node('Gemmm', 'x w b', 'h'), ...dense.nodes.slice(1)],
    })
    const error: unknown = await readModel(path).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(UnknownOperator)
    expect(String(error)).toContain('Gemmm')
  })

  it('is refused when a dimension is free, with the option that closes it', async () => {
    const draft: Draft = { inputs: { x: ['N', 'T'] }, outputs: { y: ['N', 'T'] }, nodes: [node('Relu', 'x', 'y')] }
    const path = await write(at('dynamic.onnx'), draft)
    await expect(readModel(path)).rejects.toThrow(DynamicShape)
    await expect(readModel(path)).rejects.toThrow(/Dimension 1 \("T"\) of the input "x"/)
    await expect(readModel(path, { dimensions: { T: 0 } })).rejects.toThrow(DynamicShape)
    expect((await readModel(path, { dimensions: { T: 5 } })).inputs[0]?.shape).toEqual([1, 5])
  })
})

describe('external weights', () => {
  const draft = (location: string, offset = 0): Draft => ({
    ...dense,
    weights: [external('w', [8, 6], location, offset), ...(dense.weights ?? []).slice(1)],
  })

  it('are found beside the model', async () => {
    await writeFile(at('weights.bin'), new Uint8Array(16 + 4 * 48))
    const model = await readModel(await write(at('beside.onnx'), draft('weights.bin', 16)))
    expect(model.file.externalBytes).toBe(192)
    expect(model.layers[0]?.parameters).toBe(54)
  })

  it('are refused when missing or too short', async () => {
    await expect(readModel(await write(at('m.onnx'), draft('nowhere.bin')))).rejects.toThrow(
      /"nowhere.bin", which is missing/,
    )
    await writeFile(at('short.bin'), new Uint8Array(100))
    await expect(readModel(await write(at('s.onnx'), draft('short.bin')))).rejects.toThrow(BadExternalData)
  })

  it('are refused outside the folder of the model, by path or by link', async () => {
    await mkdir(at('inner'), { recursive: true })
    await writeFile(at('secret.bin'), new Uint8Array(192))
    await symlink(at('secret.bin'), at('inner', 'link.bin'))
    for (const location of [
      '../secret.bin',
      at('secret.bin'),
      'C:\\secret.bin',
      'a/../../secret.bin',
      'link.bin',
      '',
    ]) {
      const path = await write(at('inner', 'model.onnx'), draft(location))
      await expect(readModel(path), location).rejects.toThrow(/outside the model's folder/)
    }
  })
})

describe('a cut that does not exist', () => {
  it('is refused with those that do, and nothing is written', async () => {
    const model = await readModel(await write(at('cut.onnx'), dense))
    await expect(findCut(model, 'pool5')).rejects.toThrow(UnknownCut)
    await expect(findCut(model, 'pool5')).rejects.toThrow(/no layer "pool5". Use one of r/)
    await expect(split(model, 'pool5', { folder: at('cache'), runtime: here })).rejects.toThrow(UnknownCut)
    expect(await readdir(at('cache')).catch(() => [])).toEqual([])
  })
})
