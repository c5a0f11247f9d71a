import { readdirSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { BadFrame, encodeFrame, FrameReader } from '../../../adapters/onnx/framing.ts'
import { largestShared, SharedBodies, sharedFile } from '../../../adapters/onnx/shared.ts'

const open: SharedBodies[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

/** Both ends of one file; undefined where the system has none. */
function ends() {
  const file = sharedFile()
  if (file === undefined) return undefined
  const parent = new SharedBodies(file, 'parent')
  open.push(parent)
  return { parent, executor: new SharedBodies(file, 'executor') }
}

const packet = (size: number, fill = 1) => ({
  head: fill,
  tensors: [{ name: 't', type: 'uint8' as const, shape: [size], bytes: new Uint8Array(size).fill(fill) }],
})

describe.skipIf(sharedFile() === undefined)('a body in shared memory', () => {
  test('arrives as it was sent, and does not travel through the socket', () => {
    const { parent, executor } = ends() as NonNullable<ReturnType<typeof ends>>
    const sent = packet(600_000, 7)
    const parts = encodeFrame(sent, { shared: parent })
    expect(Buffer.concat([...parts]).byteLength).toBeLessThan(500)
    const reader = new FrameReader({ shared: executor })
    const [arrived] = [...reader.push(Buffer.concat([...parts]))]
    expect(arrived).toEqual(sent)
    expect((arrived?.tensors[0]?.bytes.byteOffset ?? 1) % 8).toBe(0)
  })

  test('two packets of each direction stand side by side', () => {
    const { parent, executor } = ends() as NonNullable<ReturnType<typeof ends>>
    const frames = [1, 2].map((fill) => encodeFrame(packet(20_000, fill), { shared: parent }))
    const answers = [3, 4].map((fill) => encodeFrame(packet(20_000, fill), { shared: executor }))
    const read = (shared: SharedBodies, stream: readonly (readonly Uint8Array[])[]) =>
      [...new FrameReader({ shared }).push(Buffer.concat(stream.flat()))].map(
        ({ tensors }) => tensors[0]?.bytes[19_999],
      )
    expect(read(executor, frames)).toEqual([1, 2])
    expect(read(parent, answers)).toEqual([3, 4])
  })

  test('too small or too large a body, or a file that is gone, leaves the socket', () => {
    const { parent } = ends() as NonNullable<ReturnType<typeof ends>>
    for (const size of [100, largestShared + 1]) {
      expect(Buffer.concat([...encodeFrame(packet(size), { shared: parent })]).byteLength).toBeGreaterThan(size)
    }
    parent.close()
    expect(Buffer.concat([...encodeFrame(packet(20_000), { shared: parent })]).byteLength).toBeGreaterThan(20_000)
  })

  test('a head that points elsewhere is a bad frame', () => {
    const { parent, executor } = ends() as NonNullable<ReturnType<typeof ends>>
    const head = (shared: unknown) => {
      const text = JSON.stringify({ head: 1, tensors: [], shared })
      const bytes = Buffer.alloc(8 + text.length)
      bytes.writeUInt32LE(text.length, 0)
      bytes.write(text, 8)
      return bytes
    }
    encodeFrame(packet(20_000), { shared: parent })
    for (const shared of [
      { at: -1, size: 4 },
      { at: 0, size: 2 ** 40 },
      { at: 2 ** 40, size: 4 },
      { at: 0.5, size: 4 },
      { at: 0, size: -4 },
      { at: 'x', size: 4 },
    ]) {
      expect(() => [...new FrameReader({ shared: executor }).push(head(shared))]).toThrow(BadFrame)
    }
    // A side that shares nothing was told of shared memory.
    expect(() => [...new FrameReader().push(head({ at: 0, size: 4 }))]).toThrow(BadFrame)
  })

  test('leaves no name behind', () => {
    ends()
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith('quintet-'))).toEqual([])
  })
})
