import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { threadExecutors } from '../../../adapters/onnx/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { onnx, writeModel } from '../../support/onnx-builder.ts'

const flags = process.arch === 'x64' && process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : ''
const exact = process.arch !== 'x64' || /\b(avx512_vnni|avx_vnni)\b/.test(flags)
const why = exact ? ' (skipped: this processor adds uint8 × int8 products up exactly by itself: VNNI, or no x64)' : ''

test(`uint8 × int8 products are added up exactly where the processor's own sums overflow${why}`, async (context) => {
  if (exact) return context.skip()
  const side = 64
  const bytes = onnx({
    inputs: [{ name: 'x', type: 'uint8', shape: [1, side] }],
    outputs: [{ name: 'y', type: 'int32', shape: [1, side] }],
    weights: [{ name: 'w', shape: [side, side], values: new Int8Array(side * side).fill(127) }],
    nodes: [{ type: 'MatMulInteger', inputs: ['x', 'w'], outputs: ['y'] }],
  })
  const model = writeModel(temporaryFolder(), 'u8s8', bytes)
  const executor = await threadExecutors().start()
  await executor.load(model)
  const input = { name: 'x', type: 'uint8', shape: [1, side], bytes: new Uint8Array(side).fill(255) } as const
  const { outputs } = await executor.run(model.key, [input])
  const sums = new Int32Array(Uint8Array.from(outputs[0]?.bytes ?? []).buffer)
  expect([...new Set(sums)]).toEqual([side * 255 * 127])
  await executor.close()
})
