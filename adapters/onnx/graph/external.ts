import { open, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { BadExternalData } from './errors.ts'
import { type ModelProto, type TensorProto, TensorProto_DataLocation } from './generated/onnx_pb.ts'
import { bytesOf, dataType, elements } from './tensors.ts'

/** Where a tensor's bytes lie outside the model file. */
export interface ExternalBytes {
  /** Absolute, inside the model's folder. */
  readonly path: string
  readonly offset: number
  readonly length: number
}

/** Whether a tensor's bytes lie outside the model file. */
export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === TensorProto_DataLocation.EXTERNAL
}

/** The tensors of a model's main graph whose bytes lie outside the file. */
export function externalTensors(model: ModelProto): TensorProto[] {
  return (model.graph?.initializer ?? []).filter(isExternal)
}

/**
 * Finds the bytes of an external tensor, without reading them.
 * @throws BadExternalData where the file is missing or too short, or lies outside the model's folder (links followed).
 */
export async function locate(tensor: TensorProto, modelPath: string): Promise<ExternalBytes> {
  const entry = (key: string): string | undefined => tensor.externalData.find((pair) => pair.key === key)?.value
  const location = entry('location') ?? ''
  const folder = dirname(modelPath)
  const outside = (): BadExternalData =>
    new BadExternalData(
      `The weights "${tensor.name}" point to "${location}", outside the model's folder. Put the file beside the model, or do not trust this model.`,
    )
  if (location === '' || isAbsolute(location) || /^[A-Za-z]:/.test(location)) throw outside()
  if (location.split(/[/\\]/).includes('..')) throw outside()

  const [root, path] = await Promise.all([realpath(folder), realpath(join(folder, location)).catch(() => undefined)])
  if (path === undefined) {
    throw new BadExternalData(
      `The weights "${tensor.name}" lie in "${location}", which is missing. Put that file beside ${modelPath}.`,
    )
  }
  const inside = relative(root, path)
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) throw outside()

  const size = (await stat(path)).size
  const offset = Number(entry('offset') ?? 0)
  const stated = elements(tensor.dims.map(Number)) * bytesOf(dataType(tensor.dataType))
  const length = Number(entry('length') ?? stated)
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0
  if (!whole || offset + length > size || (stated > 0 && length !== stated)) {
    throw new BadExternalData(
      `The weights "${tensor.name}" need ${stated} bytes at ${offset} of "${location}", which has ${size} (${length} are stated). Copy the file again.`,
    )
  }
  return { path, offset, length }
}

/** Reads an external tensor's bytes. @throws BadExternalData as `locate` does, or where the file shrank meanwhile. */
export async function readExternal(tensor: TensorProto, modelPath: string): Promise<Uint8Array> {
  const { path, offset, length } = await locate(tensor, modelPath)
  const file = await open(path)
  try {
    const bytes = new Uint8Array(length)
    const { bytesRead } = await file.read(bytes, 0, length, offset)
    if (bytesRead !== length) throw new BadExternalData(`"${path}" shrank while it was read. Try again.`)
    return bytes
  } finally {
    await file.close()
  }
}
