import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { create, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { BadExternalData } from './errors.ts'
import { type ExternalBytes, isExternal, locate } from './external.ts'
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from './generated/onnx_pb.ts'

/**
 * A model file in pieces: weights stay where they are, in memory or in another file, until they are written. So a part of a
 * large model needs no memory of its own.
 */
export interface Encoded {
  readonly pieces: readonly (Uint8Array | ExternalBytes)[]
  /** Bytes of all pieces. */
  readonly length: number
}

// Numbers of the fields that are written by hand, in the ONNX format.
const modelGraph = 7
const graphInitializer = 5
const tensorRawData = 9
const delimited = 2

/** The model with this graph, its external weights inside. @throws BadExternalData */
export async function encoded(model: ModelProto, graph: GraphProto, modelPath: string): Promise<Encoded> {
  const around = toBinary(ModelProtoSchema, Object.assign(create(ModelProtoSchema), model, { graph: undefined }))
  const body = toBinary(GraphProtoSchema, Object.assign(create(GraphProtoSchema), graph, { initializer: [] }))
  const weights: (Uint8Array | ExternalBytes)[] = []
  for (const tensor of graph.initializer) {
    const { head, data } = await weightOf(tensor, modelPath)
    const size = data ? data.length : 0
    const rawHead = data ? header(tensorRawData, size) : new Uint8Array()
    weights.push(header(graphInitializer, head.length + rawHead.length + size), head, rawHead)
    if (data) weights.push(data)
  }
  const length = body.length + sum(weights)
  const pieces = [around, header(modelGraph, length), body, ...weights].filter((piece) => piece.length > 0)
  return { pieces, length: sum(pieces) }
}

async function weightOf(
  tensor: TensorProto,
  modelPath: string,
): Promise<{ head: Uint8Array; data: Uint8Array | ExternalBytes | undefined }> {
  const outside = isExternal(tensor)
  const bare = Object.assign(create(TensorProtoSchema), tensor, { rawData: new Uint8Array() })
  // Absent and empty are two things to the format: without bytes the tensor is written as it is.
  if (!outside && tensor.rawData.length === 0) return { head: toBinary(TensorProtoSchema, tensor), data: undefined }
  if (outside) Object.assign(bare, { externalData: [], dataLocation: TensorProto_DataLocation.DEFAULT })
  const head = toBinary(TensorProtoSchema, bare)
  return { head, data: outside ? await locate(tensor, modelPath) : tensor.rawData }
}

function header(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, delimited).uint32(length).finish()
}

function sum(pieces: readonly { readonly length: number }[]): number {
  return pieces.reduce((all, { length }) => all + length, 0)
}

// Bytes that are copied from file to file at a time.
const block = 1 << 20

/** Writes a file; weights that lie in another file pass through a buffer of 1 MiB. @returns its lower-case sha256 */
export async function writeEncoded(path: string, { pieces }: Encoded): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'w')
  try {
    for (const piece of pieces) {
      if (piece instanceof Uint8Array) {
        hash.update(piece)
        await writeAll(file, piece)
        continue
      }
      const source = await open(piece.path)
      try {
        const buffer = new Uint8Array(Math.min(block, piece.length))
        for (let at = 0; at < piece.length; ) {
          const wanted = Math.min(buffer.length, piece.length - at)
          const { bytesRead } = await source.read(buffer, 0, wanted, piece.offset + at)
          if (bytesRead === 0) throw new BadExternalData(`"${piece.path}" shrank while it was read. Try again.`)
          hash.update(buffer.subarray(0, bytesRead))
          await writeAll(file, buffer.subarray(0, bytesRead))
          at += bytesRead
        }
      } finally {
        await source.close()
      }
    }
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten
}

/** The file's bytes in one piece of memory. */
export function joined({ pieces, length }: Encoded): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) bytes.set(piece, at)
    else {
      const file = openSync(piece.path, 'r')
      try {
        const read = readSync(file, bytes, at, piece.length, piece.offset)
        if (read < piece.length) throw new BadExternalData(`"${piece.path}" shrank while it was read. Try again.`)
      } finally {
        closeSync(file)
      }
    }
    at += piece.length
  }
  return bytes
}
