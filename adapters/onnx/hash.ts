import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'

/** Bytes read at a time. */
const piece = 1 << 18

/** Where the last file was read to, for the next one. */
let spare: Buffer | undefined

/**
 * The sha256 of a file in lower-case hex. Its pieces are all read into one place: a stream takes fresh memory for each,
 * of which the collector lets 30 MB stand in an executor, whose memory is counted.
 */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path)
  const buffer = spare ?? Buffer.allocUnsafeSlow(piece)
  spare = undefined
  try {
    while (true) {
      const { bytesRead } = await file.read(buffer, 0, piece)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    spare = buffer
    await file.close()
  }
}

/**
 * What a model is known by, in lower-case hex: the sha256 of its file. Where weights lie in other files, the sha256 of
 * all their hashes together, so that other weights make another model.
 *
 * @param main the sha256 of the model file, where it is known
 * @throws Error in words: a file is missing, or lies outside the model's folder
 */
export async function modelHash(path: string, main?: string): Promise<string> {
  const own = main ?? (await hashOf(path))
  const others = weightFiles(path)
  if (others.length === 0) return own
  const all = createHash('sha256').update(`${own}\n`)
  for (const location of others) all.update(`${location}\0${await hashOf(placeOf(location, path))}\n`)
  return all.digest('hex')
}

/** Follows links: a file inside the folder by name may still stand elsewhere. */
function placeOf(location: string, path: string): string {
  const folder = realpathSync(dirname(path))
  const outside = () =>
    new Error(
      `its weights point to "${location}", outside its folder. Put that file beside the model, or do not trust it`,
    )
  if (isAbsolute(location) || /^[A-Za-z]:/.test(location) || location.split(/[/\\]/).includes('..')) throw outside()
  let real: string
  try {
    real = realpathSync(join(folder, location))
  } catch (cause) {
    throw new Error(`its weights lie in "${location}", which is not beside it`, { cause })
  }
  const way = relative(folder, real)
  if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)) throw outside()
  return real
}

type Kind = 'model' | 'graph' | 'function' | 'node' | 'attribute' | 'sparse' | 'tensor' | 'pair'

/** Fields of the ONNX format below which a tensor may stand, by number: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
const below: Readonly<Record<Kind, Readonly<Record<number, Kind>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  function: { 7: 'node' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'pair' },
  pair: {},
}
const dataLocation = 14
const external = 1

/** Deeper graphs than that are nobody's model. */
const deepest = 200
/** Bytes of a key or a file name. */
const longest = 4_096

/**
 * Names of the files, relative to the model's, that hold weights of it. Only what leads to them is read: weights inside
 * the file are passed over, so that a model of gigabytes costs no memory. Where the file is damaged the names so far.
 */
function weightFiles(path: string): readonly string[] {
  const fd = openSync(path, 'r')
  const window = Buffer.allocUnsafe(1 << 16)
  let from = 0
  let filled = 0
  const found = new Set<string>()

  const byte = (at: number): number => {
    if (at < from || at >= from + filled) {
      from = at
      filled = readSync(fd, window, 0, window.length, at)
      if (filled === 0) throw new RangeError('the file ends')
    }
    return window[at - from] as number
  }
  const varint = (at: number): readonly [value: number, next: number] => {
    let value = 0
    for (let place = 0, next = at; place < 10; place++, next++) {
      const read = byte(next)
      value += (read & 127) * 2 ** (7 * place)
      if (read < 128) return [value, next + 1]
    }
    throw new RangeError('no number')
  }
  const text = (start: number, end: number): string => {
    if (end - start > longest) throw new RangeError('no name')
    const bytes = Uint8Array.from({ length: end - start }, (_, at) => byte(start + at))
    return new TextDecoder().decode(bytes)
  }

  function walk(kind: Kind, start: number, end: number, depth: number): readonly [key: string, value: string] {
    if (depth > deepest) throw new RangeError('too deep')
    const pair: [string, string] = ['', '']
    let location: string | undefined
    let isExternal = false
    for (let at = start; at < end; ) {
      const [tag, behind] = varint(at)
      const [field, wire] = [Math.floor(tag / 8), tag % 8]
      const [value, next] = wire === 0 || wire === 2 ? varint(behind) : [0, behind]
      const size = wire === 0 ? 0 : wire === 2 ? value : wire === 1 ? 8 : wire === 5 ? 4 : Number.NaN
      at = next + size
      if (!(at <= end)) throw new RangeError('a field ends behind what it stands in')
      if (kind === 'tensor' && field === dataLocation && wire === 0) isExternal = value === external
      if (wire !== 2) continue
      if (kind === 'pair' && (field === 1 || field === 2)) pair[field - 1] = text(next, at)
      const inner = below[kind][field]
      if (inner === undefined) continue
      const [key, named] = walk(inner, next, at, depth + 1)
      if (inner === 'pair' && key === 'location') location = named
    }
    if (isExternal && location !== undefined) found.add(location)
    return pair
  }

  try {
    walk('model', 0, statSync(path).size, 0)
  } catch (error) {
    // Whoever loads it says what is wrong with the file.
    if (!(error instanceof RangeError)) throw error
  } finally {
    closeSync(fd)
  }
  return [...found].sort()
}
