import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readModel } from '../../../adapters/onnx/graph/index.ts'
import { threadExecutors } from '../../../adapters/onnx/index.ts'
import { refusalOf } from '../../../adapters/onnx/refusal.ts'
import { ModelLoadFailed } from '../../../pipeline/index.ts'
import type { Executor } from '../../../stages/execute/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { type OnnxType, onnx, writeModel } from '../../support/onnx-builder.ts'

const folder = temporaryFolder()
const one = (type: string, element: OnnxType = 'float32') =>
  Buffer.from(
    onnx({
      inputs: [{ name: 'x', type: element, shape: [2] }],
      outputs: [{ name: 'y', type: element, shape: [2] }],
      nodes: [{ type, inputs: ['x'], outputs: ['y'] }],
    }),
  )
/** The same with one byte of a version changed: the second is the format's, the last the opset's. */
const with99 = (at: number) => {
  const bytes = one('Identity')
  bytes[at < 0 ? bytes.length + at : at] = 99
  return bytes
}

const cases: readonly [string, Uint8Array, RegExp][] = [
  ['an operator without a kernel', one('Elu', 'float64'), /valid model, but operator Elu \(opset 6\) has no kernel/],
  ['an unknown operator', one('NoSuchOperator'), /no operator NoSuchOperator in opset 17/],
  ['an opset that is too new', with99(-1), /asks for opset 99 .*up to 26/],
  ['a format that is too new', with99(1), /\(IR\) version 99, .*up to 13/],
  ['a type that ONNX does not allow', one('Sin', 'int32'), /Sin takes no tensor\(int32\)/],
  ['other bytes', Buffer.from('no model at all'), /damaged, cut off, or no ONNX file/],
  ['no bytes', Buffer.alloc(0), /damaged, cut off, or no ONNX file/],
  ['half a file', one('Identity').subarray(0, 40), /damaged, cut off, or no ONNX file/],
]

describe('a model that the runtime refuses', () => {
  let executor: Executor
  beforeAll(async () => {
    executor = await threadExecutors({ startWithin: 60_000 }).start()
  })
  afterAll(() => executor.close())

  for (const [name, bytes, sentence] of cases) {
    test(`is refused for what is the matter with it: ${name}`, async () => {
      const model = writeModel(folder, name.replaceAll(' ', '-'), bytes)
      const failure = executor.load(model)
      await expect(failure).rejects.toThrow(ModelLoadFailed)
      await expect(failure).rejects.toThrow(sentence)
      // Nothing of the runtime's source code, nor of another's.
      await expect(failure).rejects.not.toThrow(/onnxruntime_src|undefined/)
    })
  }

  test('is not called damaged by the reader of graphs for a kernel that is missing', async () => {
    const { path } = writeModel(folder, 'kernel', one('Elu', 'float64'))
    const failure = readModel(path)
    await expect(failure).rejects.toThrow(/operator Elu .*no kernel/)
    expect(readFileSync(path).length).toBeGreaterThan(0)
  })

  test('is told apart by the sentences of external data, memory and providers, too', () => {
    const kinds = [
      'External data path validation failed for initializer: w. Error: External data path does not exist',
      'std::bad_alloc',
      'Failed to allocate memory for requested buffer of size 1099511627776',
      'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library',
      'Something that nobody has seen',
    ].map((text) => refusalOf(new Error(text)).kind)
    expect(kinds).toEqual(['external-data', 'memory', 'memory', 'provider', 'other'])
  })
})
