import { FrameChanged } from '../errors.ts'
import type { Payload } from '../payload.ts'

/**
 * 53 bits of all bytes of a payload, each byte and its place. Not against somebody who wants it to be equal: it notices
 * frames that are written over. 0.5 to 1 ms a megabyte.
 */
export function fingerprint(payload: Payload): number {
  if (payload.form === 'result') return 0
  const all = payload.form === 'tensors' ? payload.tensors.map(({ bytes }) => bytes) : [payload.bytes]
  let high = 0x9747b28c
  let low = 0x3c6ef372
  const mix = (word: number) => {
    high = Math.imul(high ^ word, 0x85ebca6b)
    high ^= high >>> 15
    low = Math.imul((low << 5) ^ (low >>> 27) ^ word, 0xc2b2ae35)
  }
  for (const bytes of all) {
    mix(bytes.byteLength)
    const { buffer, byteOffset, byteLength } = bytes
    const view = new DataView(buffer, byteOffset, byteLength)
    const whole = byteLength & ~3
    for (let at = 0; at < whole; at += 4) mix(view.getUint32(at, true))
    for (let at = whole; at < byteLength; at++) mix(bytes[at] as number)
  }
  return (high >>> 0) * 2 ** 21 + ((low ^ (low >>> 16)) & 0x1fffff)
}

/** Whether a payload still is what it was. Memory that was transferred away is not. */
export function isUnchanged(payload: Payload, before: number): boolean {
  try {
    return fingerprint(payload) === before
  } catch {
    return false
  }
}

export function frameChanged(cause: unknown): FrameChanged {
  return new FrameChanged(
    'The frame was written over between capture and settlement, so that its answer may be that of another. Leave frames alone once they are handed in, or use capture(frames, { copy: true }).',
    cause === undefined ? {} : { cause },
  )
}
