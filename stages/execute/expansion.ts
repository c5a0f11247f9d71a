import { BadMessage, type Platform, Refused, type Tensor, type TensorsPayload, TooLarge } from '../../pipeline/index.ts'
import { activationBytes, decodeActivation, isActivationEncoding } from '../transfer/index.ts'

/** Bytes of one message's tensors once they are read, where the catalogue does not say what crosses there. */
const mostOfOne = 64 * 2 ** 20
/** Bytes of all of them that are held at one time. */
const mostAtOnce = 256 * 2 ** 20
/** Milliseconds after which one that found no room may ask again. */
const fullFor = 100

/**
 * Room for what activations become when they are read: a few hundred bytes may stand for gigabytes. What each message calls
 * for is known before anything is unpacked, and taken from the room until its run has ended.
 */
export class Expansion {
  readonly #most: number
  #held = 0

  /** @param most bytes held at one time. Default 256 MiB */
  constructor(most = mostAtOnce) {
    this.#most = most
  }

  /**
   * Reads the tensors of a payload, however they are written, for one run.
   * @param most bytes of all of them: what the catalogue says of the cut; undefined where it says nothing
   * @throws TooLarge they call for more · Refused there is no room now · BadMessage · BadConfiguration packed in a way that this
   *   platform lacks
   */
  async of<R>(
    payload: TensorsPayload,
    most: number | undefined,
    platform: Platform,
    run: (tensors: readonly Tensor[]) => Promise<R>,
  ): Promise<R> {
    const { encoding, tensors, at } = payload
    if (encoding === undefined) return run(tensors)
    if (!isActivationEncoding(encoding)) {
      throw new BadMessage(`No activation encoding is called "${encoding}". Run the same version on both sides.`)
    }
    const bytes = tensors.reduce((sum, tensor) => sum + activationBytes(tensor.bytes), 0)
    if (bytes > (most ?? mostOfOne)) {
      const whose = most === undefined ? 'are allowed' : 'cross there, as the catalogue says'
      throw new TooLarge(
        `What came "${at}" calls for ${bytes} bytes; ${most ?? mostOfOne} ${whose}. Use the same model on both sides.`,
      )
    }
    if (this.#held + bytes > this.#most && this.#held > 0) {
      throw new Refused(`${this.#held} bytes of activations are read here already.`, { retryAfter: fullFor })
    }
    this.#held += bytes
    try {
      return await run(await Promise.all(tensors.map((tensor) => decodeActivation(tensor.bytes, { platform }))))
    } finally {
      this.#held -= bytes
    }
  }
}
