import { TooLarge } from '../errors.ts'
import type { Transport } from '../transport.ts'

/** Chunks are at most this long, the last one shorter: short enough that a control message never waits long behind one. */
export const mostChunk = 128 * 1024
/** Shorter ones would be more frame than bytes; none is offered or taken. */
export const leastChunk = 512
/** Bytes that a chunk's frame takes besides: its parts' lengths, its index, and the digest of all of them. */
const frameRoom = 512
/** Bytes of the transport's own headers: the message's id, the trace context, and how they are written. */
const headersRoom = 256

type Bounded = Pick<Transport, 'maxPayload'>

/** Bytes of one frame that a transport takes now: a restored connection may be to a server of another limit. */
export const mostFrame = ({ maxPayload }: Bounded): number => maxPayload - headersRoom

/** Bytes of each piece of a reply that is too long for one frame. */
export const pieceFor = (transport: Bounded): number =>
  Math.max(leastChunk, Math.min(mostChunk, mostFrame(transport) - frameRoom))

/** Bytes of each chunk that fits. @throws TooLarge not even the shortest does */
export function chunkFor(transport: Bounded): number {
  const chunk = Math.min(mostChunk, mostFrame(transport) - frameRoom)
  if (chunk >= leastChunk) return chunk
  throw new TooLarge(
    `The transport takes ${transport.maxPayload} bytes at once, which is less than the shortest chunk needs. Raise its limit (max_payload of a NATS server) to ${leastChunk + frameRoom + headersRoom} or more.`,
  )
}
