import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { TooLarge } from '../../../pipeline/index.ts'
import { modelHash } from '../hash.ts'
import { BadExternalData, NotAModel } from './errors.ts'
import { externalTensors, isExternal, locate } from './external.ts'
import { type GraphProto, type ModelProto, ModelProtoSchema } from './generated/onnx_pb.ts'
import { bytesOf, dataType, elements } from './tensors.ts'

/** A decoded model file. Its weights are views of the file's bytes, or still on disk; nothing is copied. */
export interface ModelFile {
  /** Absolute. */
  readonly path: string
  /** Lower-case hex, of the model file and of the files of its weights: see `modelHash`. */
  readonly sha256: string
  /** Size of the file, without external data. */
  readonly bytes: number
  /** Bytes of weights outside the file. */
  readonly externalBytes: number
  readonly proto: ModelProto
  readonly graph: GraphProto
}

/**
 * Reads and checks an ONNX file. External weights are checked for being there, and not read.
 * @throws NotAModel · BadExternalData · TooLarge (protobuf ends at 2 GiB)
 */
export async function readFileOf(path: string): Promise<ModelFile> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ERR_FS_FILE_TOO_LARGE') {
      throw new TooLarge(`${path} is over 2 GiB. Save the model with its weights as external data.`, { cause })
    }
    throw new NotAModel(
      `${path} ${unreadable[cause.code ?? ''] ?? 'cannot be read'} (${cause.code ?? cause.message}). Name an .onnx file.`,
      {
        cause,
      },
    )
  })
  const proto = decode(bytes, path)
  const graph = proto.graph
  if (!graph || proto.opsetImport.length === 0 || graph.output.length === 0) {
    throw new NotAModel(`${path} is not an ONNX model: it has no graph. Name an .onnx file.`)
  }
  checkWeights(graph, path)
  let externalBytes = 0
  for (const tensor of externalTensors(proto)) externalBytes += (await locate(tensor, path)).length
  const sha256 = await modelHash(path, createHash('sha256').update(bytes).digest('hex')).catch((cause: Error) => {
    throw new BadExternalData(`${path} cannot be taken whole: ${cause.message}.`, { cause })
  })
  return { path: resolve(path), sha256, bytes: bytes.length, externalBytes, proto, graph }
}

const unreadable: Readonly<Record<string, string>> = {
  EISDIR: 'is a folder',
  ENAMETOOLONG: 'is too long a name',
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
}

function decode(bytes: Uint8Array, path: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw new NotAModel(`${path} is not an ONNX model, or its end is missing. Name an .onnx file, or copy it again.`, {
      cause,
    })
  }
}

function checkWeights(graph: GraphProto, path: string): void {
  for (const tensor of graph.initializer) {
    if (isExternal(tensor) || tensor.rawData.length === 0) continue
    const expected = elements(tensor.dims.map(Number)) * bytesOf(dataType(tensor.dataType))
    if (expected > 0 && expected !== tensor.rawData.length) {
      throw new NotAModel(
        `${path} is damaged: the weights "${tensor.name}" have ${tensor.rawData.length} bytes instead of ${expected}. Copy it again.`,
      )
    }
  }
}
