import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

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
