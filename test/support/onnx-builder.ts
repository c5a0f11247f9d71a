import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import type { ModelSource } from '../../stages/execute/index.ts'

/** Element types by their number in the ONNX format. */
const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11 } as const
export type OnnxType = keyof typeof elementTypes

type Write = (writer: BinaryWriter) => void
type Value = number | readonly number[]

export interface Port {
  readonly name: string
  readonly type?: OnnxType
  /** Numbers, or names of dimensions that take any size. */
  readonly shape: readonly (number | string)[]
}

export interface Node {
  readonly type: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, Value>>
}

export interface Weight {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array | BigInt64Array | Int8Array
}

export interface Graph {
  readonly nodes: readonly Node[]
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly weights?: readonly Weight[]
}

/** A graph as the bytes of an ONNX file (IR 8, opset 17). */
export function onnx({ nodes, inputs, outputs, weights = [] }: Graph): Uint8Array {
  return message((model) => {
    model.tag(1, 0).int64(8)
    nested(model, 7, (graph) => {
      for (const node of nodes) nested(graph, 1, (writer) => writeNode(writer, node))
      graph.tag(2, 2).string('test')
      for (const weight of weights) nested(graph, 5, (writer) => writeWeight(writer, weight))
      for (const input of inputs) nested(graph, 11, (writer) => writePort(writer, input))
      for (const output of outputs) nested(graph, 12, (writer) => writePort(writer, output))
    })
    nested(model, 8, (opset) => opset.tag(1, 2).string('').tag(2, 0).int64(17))
  })
}

function writeNode(writer: BinaryWriter, { type, inputs, outputs, attributes = {} }: Node): void {
  for (const input of inputs) writer.tag(1, 2).string(input)
  for (const output of outputs) writer.tag(2, 2).string(output)
  writer.tag(4, 2).string(type)
  for (const [name, value] of Object.entries(attributes)) {
    nested(writer, 5, (attribute) => {
      attribute.tag(1, 2).string(name)
      if (typeof value === 'number') attribute.tag(3, 0).int64(value).tag(20, 0).int32(2)
      else {
        for (const each of value) attribute.tag(8, 0).int64(each)
        attribute.tag(20, 0).int32(7)
      }
    })
  }
}

function writeWeight(writer: BinaryWriter, { name, shape, values }: Weight): void {
  for (const side of shape) writer.tag(1, 0).int64(side)
  const type = values instanceof Float32Array ? 'float32' : values instanceof Int8Array ? 'int8' : 'int64'
  writer.tag(2, 0).int32(elementTypes[type])
  writer.tag(8, 2).string(name)
  writer.tag(9, 2).bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

function writePort(writer: BinaryWriter, { name, type = 'float32', shape }: Port): void {
  writer.tag(1, 2).string(name)
  nested(writer, 2, (wrapper) =>
    nested(wrapper, 1, (tensor) => {
      tensor.tag(1, 0).int32(elementTypes[type])
      nested(tensor, 2, (sides) => {
        for (const side of shape) {
          nested(sides, 1, (each) => {
            if (typeof side === 'number') each.tag(1, 0).int64(side)
            else each.tag(2, 2).string(side)
          })
        }
      })
    }),
  )
}

function nested(writer: BinaryWriter, field: number, write: Write): void {
  writer.tag(field, 2).bytes(message(write))
}

function message(write: Write): Uint8Array {
  const writer = new BinaryWriter()
  write(writer)
  return writer.finish()
}

/** Writes a model's bytes to `FOLDER/NAME.onnx` and describes it to an executor. */
export function writeModel(folder: string, name: string, bytes: Uint8Array): ModelSource {
  const path = join(folder, `${name}.onnx`)
  writeFileSync(path, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { key: sha256, name, path, sha256, bytes: bytes.byteLength }
}
