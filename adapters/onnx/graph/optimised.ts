import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { InferenceSession } from '../runtime.ts'
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  ValueInfoProtoSchema,
} from './generated/onnx_pb.ts'
import { withGraph } from './shapes.ts'

/** A graph as the runtime computes it, and where its weights lie. */
export interface OptimisedFile {
  readonly proto: ModelProto
  readonly graph: GraphProto
  /** The file; weights above 256 bytes lie beside it. Gone when `use` has ended. */
  readonly path: string
}

/**
 * Asks the runtime for the graph that it makes of a model: it loads the model at level `extended` and writes down what it
 * would run: what it fused is one node, and what it took out is gone. Takes what loading takes, in the thread that
 * calls; graph and weights go to a temporary folder of its own.
 * @param model Path or bytes.
 * @throws what the runtime throws where it cannot load the model
 */
export async function optimised<T>(model: string | Uint8Array, use: (file: OptimisedFile) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'quintet-optimised-'))
  try {
    const path = join(folder, 'model.onnx')
    const options = {
      graphOptimizationLevel: 'extended',
      optimizedModelFilePath: path,
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
      extra: {
        session: {
          optimized_model_external_initializers_file_name: 'weights',
          optimized_model_external_initializers_min_size_in_bytes: '256',
        },
      },
    } as const
    const session = await (typeof model === 'string'
      ? InferenceSession.create(model, options)
      : InferenceSession.create(model, options))
    await session.release()
    const proto = fromBinary(ModelProtoSchema, await readFile(path))
    if (!proto.graph) throw new TypeError('the runtime wrote no graph')
    return await use({ proto, graph: proto.graph, path })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Loads models one after another and lets them go, in the thread that calls. @throws what the runtime throws */
export async function load(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const session = await InferenceSession.create(path, { logSeverityLevel: 4, intraOpNumThreads: 1 })
    await session.release()
  }
}

/** The element types of some tensors of an optimised graph, which does not say them: asked of the runtime. */
export async function typesIn(
  { proto, graph, path }: OptimisedFile,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const output = names.map((name) => create(ValueInfoProtoSchema, { name }))
  const asked = withGraph(proto, Object.assign(create(GraphProtoSchema), graph, { output }))
  const beside = join(dirname(path), 'types.onnx')
  await writeFile(beside, toBinary(ModelProtoSchema, asked))
  const session = await InferenceSession.create(beside, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  })
  const types = session.outputMetadata.flatMap((one) => (one.isTensor ? [[one.name, one.type] as const] : []))
  await session.release()
  return new Map(types)
}
