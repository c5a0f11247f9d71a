import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { Tensor } from 'onnxruntime-node'
import { type TensorProto, TensorProtoSchema } from '../../adapters/onnx/graph/generated/onnx_pb.ts'
import type { Model } from '../../adapters/onnx/graph/index.ts'
import { dataType } from '../../adapters/onnx/graph/tensors.ts'
import type { Tensors } from './compare.ts'
import type { Subject } from './examine.ts'

/** Where Debian's `libonnx-testdata` puts the ONNX project's backend tests, or the folder that QUINTET_ONNX_SUITE names. */
const folder = process.env.QUINTET_ONNX_SUITE ?? '/usr/share/libonnx-testdata/data'

/** Why the suite is not tried here; undefined where it is there. */
export const noSuite = existsSync(folder)
  ? undefined
  : `no ${folder}: install libonnx-testdata, or name the folder of the ONNX project's backend tests in QUINTET_ONNX_SUITE`

/** Every model of the suite, with its own inputs. */
export function suite(): Subject[] {
  if (noSuite !== undefined) return []
  return readdirSync(folder)
    .sort()
    .flatMap((kind) =>
      readdirSync(join(folder, kind))
        .sort()
        .map((name) => [kind, name] as const),
    )
    .flatMap(([kind, name]): Subject[] => {
      const at = join(folder, kind, name)
      const path = join(at, 'model.onnx')
      if (!existsSync(path)) return []
      const inputs = readdirSync(at)
        .filter((entry) => entry.startsWith('test_data_set_'))
        .map((entry) => join(at, entry))
      return [{ name: `${kind}/${name}`, path, set: 'backend suite', inputs }]
    })
}

/** A model's own inputs; sets with sequences or optional values, which this runtime's binding does not take, are left out. */
export async function ownInputs({ inputs = [] }: Subject, model: Model): Promise<Tensors[]> {
  const sets = await Promise.all(
    inputs.map(async (set) => {
      const tensors = await Promise.all(
        model.inputs.map(async ({ name }, index) => {
          const tensor = await readTensor(join(set, `input_${index}.pb`))
          return tensor && ([name, tensor] as const)
        }),
      )
      const all = tensors.filter((one) => one !== undefined)
      return all.length === model.inputs.length ? Object.fromEntries(all) : undefined
    }),
  )
  return sets.filter((one) => one !== undefined)
}

async function readTensor(path: string): Promise<Tensor | undefined> {
  try {
    return tensorOf(fromBinary(TensorProtoSchema, await readFile(path)))
  } catch {
    return undefined
  }
}

function tensorOf(proto: TensorProto): Tensor | undefined {
  const dims = proto.dims.map(Number)
  const raw = proto.rawData.slice().buffer
  const packed = proto.rawData.length === 0
  switch (dataType(proto.dataType)) {
    case 'float32':
      return new Tensor('float32', packed ? Float32Array.from(proto.floatData) : new Float32Array(raw), dims)
    case 'float64':
      return new Tensor('float64', packed ? Float64Array.from(proto.doubleData) : new Float64Array(raw), dims)
    case 'float16':
      return new Tensor('float16', packed ? Uint16Array.from(proto.int32Data) : new Uint16Array(raw), dims)
    case 'int32':
      return new Tensor('int32', packed ? Int32Array.from(proto.int32Data) : new Int32Array(raw), dims)
    case 'int64':
      return new Tensor('int64', packed ? BigInt64Array.from(proto.int64Data) : new BigInt64Array(raw), dims)
    case 'uint8':
      return new Tensor('uint8', packed ? Uint8Array.from(proto.int32Data) : new Uint8Array(raw), dims)
    case 'int8':
      return new Tensor('int8', packed ? Int8Array.from(proto.int32Data) : new Int8Array(raw), dims)
    case 'bool':
      return new Tensor('bool', packed ? Uint8Array.from(proto.int32Data) : new Uint8Array(raw), dims)
    default:
      return undefined
  }
}
