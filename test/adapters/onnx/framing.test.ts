import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadFrame, encodeFrame, FrameReader } from '../../../adapters/onnx/framing.ts'
import type { Packet } from '../../../adapters/onnx/protocol.ts'

const tensor = fc
  .record({ name: fc.string(), type: fc.constantFrom('float32', 'uint8'), bytes: fc.uint8Array({ maxLength: 300 }) })
  .map((each) => ({ ...each, shape: [each.bytes.byteLength] }) as Packet<unknown>['tensors'][number])
const packet = fc.record({ head: fc.jsonValue(), tensors: fc.array(tensor, { maxLength: 4 }) })

const frame = (head: number, body: number, rest = new Uint8Array()) => {
  const bytes = Buffer.alloc(8 + rest.byteLength)
  bytes.writeUInt32LE(head, 0)
  bytes.writeUInt32LE(body, 4)
  bytes.set(rest, 8)
  return bytes
}
const framed = (head: string, body = 0) => frame(Buffer.byteLength(head), body, Buffer.from(head + '\0'.repeat(body)))

describe('frames', () => {
  test('arrive as they were sent, wherever the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 64 })),
        fc.boolean(),
        (packets, cuts, reuse) => {
          const stream = Buffer.concat(packets.flatMap((each) => [...encodeFrame(each)]))
          const reader = new FrameReader<unknown>({ reuse })
          const arrived: Packet<unknown>[] = []
          let at = 0
          for (let turn = 0; at < stream.length; turn++) {
            const size = cuts[turn % Math.max(1, cuts.length)] ?? stream.length
            // A reader that uses its memory again is read out at once.
            for (const each of reader.push(stream.subarray(at, at + size))) arrived.push(structuredClone(each))
            at += size
          }
          expect(arrived.map(({ head }) => JSON.stringify(head))).toEqual(
            packets.map(({ head }) => JSON.stringify(head)),
          )
          expect(arrived.map(({ tensors }) => tensors)).toEqual(packets.map(({ tensors }) => tensors))
        },
      ),
    )
  })

  test('tensors lie on 8-byte boundaries, in memory that nothing else shares', () => {
    const tensors = [3, 8, 5].map((size, index) => ({
      name: `t${index}`,
      type: 'uint8' as const,
      shape: [size],
      bytes: new Uint8Array(size).fill(index + 1),
    }))
    const [first, second] = [
      ...new FrameReader().push(
        Buffer.concat([...encodeFrame({ head: 1, tensors }), ...encodeFrame({ head: 2, tensors })]),
      ),
    ]
    expect(first?.tensors.map(({ bytes }) => bytes.byteOffset % 8)).toEqual([0, 0, 0])
    expect(first?.tensors[0]?.bytes.buffer).not.toBe(second?.tensors[0]?.bytes.buffer)
  })

  test('memory is used again for the second after it, where that was asked for', () => {
    const tensors = [{ name: 't', type: 'uint8' as const, shape: [9], bytes: new Uint8Array(9) }]
    const reader = new FrameReader({ reuse: true })
    const next = () => [...reader.push(Buffer.concat([...encodeFrame({ head: 1, tensors })]))][0]?.tensors[0]
    const [first, second, third] = [next(), next(), next()]
    expect(second?.bytes.buffer).not.toBe(first?.bytes.buffer)
    expect(third?.bytes.buffer).toBe(first?.bytes.buffer)
  })
})

describe('garbage', () => {
  const bounds = { head: 1000, body: 1000 }
  const cases: readonly [string, Uint8Array][] = [
    ['a head beyond the bound', frame(1001, 0)],
    ['a body beyond the bound', frame(10, 1001)],
    ['no head', frame(0, 0)],
    ['a head that is not JSON', framed('{')],
    ['a head that is no packet', framed('null')],
    ['a head without tensors', framed('{"head":1}')],
    ['a tensor beyond its body', framed('{"head":1,"tensors":[{"name":"x","offset":0,"length":9}]}', 8)],
    ['a tensor before its body', framed('{"head":1,"tensors":[{"name":"x","offset":-8,"length":8}]}', 8)],
    ['a tensor without a length', framed('{"head":1,"tensors":[{"name":"x","offset":0}]}', 8)],
  ]
  for (const [name, bytes] of cases) {
    test(`${name} is refused`, () => {
      expect(() => [...new FrameReader({ bounds }).push(bytes)]).toThrow(BadFrame)
    })
  }

  test('a packet beyond the bounds is not sent', () => {
    const tensors = [{ name: 't', type: 'uint8' as const, shape: [1001], bytes: new Uint8Array(1001) }]
    expect(() => encodeFrame({ head: 1, tensors }, { bounds })).toThrow(BadFrame)
  })
})
