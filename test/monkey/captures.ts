import type { CaptureKind } from './scene.ts'

/** What the scenes capture, made once: pictures of the zoo, whole and cut off. */
export interface Album {
  readonly pictures: readonly Uint8Array[]
}

const streams = ['main', 'left', 'right', 'door'] as const

/** The n-th capture of a scene, of a kind. */
export function captureOf(kind: CaptureKind, n: number, at: number, album: Album): unknown {
  const stream = streams[at] as string
  const picture = album.pictures[n % album.pictures.length] as Uint8Array
  const image = (bytes: unknown, change: object = {}) => ({
    stream,
    payload: { form: 'image', at: 'captured', bytes },
    ...change,
  })
  const small = () => Uint8Array.of(0xff, 0xd8, 0xff, n & 0xff)
  switch (kind) {
    case 'good':
      return n % 2 === 0 ? image(small()) : small()
    case 'picture':
      return image(picture, { id: `p${n}`, ms: 2 })
    case 'cut-off':
      return image(picture.subarray(0, picture.byteLength / 2))
    case 'noise':
      return image(Uint8Array.from({ length: 99 }, (_, index) => (index * 37 + n) % 256))
    case 'pixels':
      return { stream, payload: { form: 'pixels', at: 'captured', bytes: new Uint8Array(48), width: 4, height: 4 } }
    case 'failed':
      return { stream, error: n % 2 === 0 ? new Error('the lens fell off') : { toString: refuse } }
    case 'null':
      return null
    case 'undefined':
      return undefined
    case 'string':
      return 'photo.jpg'
    case 'number':
      return n
    case 'symbol':
      return Symbol('frame')
    case 'promise':
      return Promise.resolve(image(small()))
    case 'rejected': {
      const rejected = Promise.reject(new Error('no frame came'))
      // Handled late, where the source waits for it; here it would be the monkey's own fault.
      rejected.catch(() => {})
      return rejected
    }
    case 'error':
      return new Error('torn')
    case 'empty':
      return new Uint8Array()
    case 'shared':
      return image(new Uint8Array(new SharedArrayBuffer(8)))
    case 'no-payload':
      return { stream }
    case 'no-bytes':
      return image(undefined)
    case 'nan':
      return { stream, payload: { form: 'pixels', at: 'captured', bytes: small(), width: Number.NaN, height: 2 } }
    case 'getter':
      return Object.defineProperty({ stream }, 'payload', { get: refuse, enumerable: true })
    case 'proxy':
      return new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse })
    case 'bad-stream':
      return image(small(), { stream: 'not a token!' })
    case 'bad-id':
      return image(small(), { id: `${'x'.repeat(100)}\n` })
    case 'same-id':
      return image(small(), { id: 'twin' })
    case 'object-id':
      return image(small(), { id: { toString: refuse } })
    case 'negative-ms':
      return image(small(), { ms: n % 2 === 0 ? -1 : Number.NaN })
    case 'huge':
      return image(new Uint8Array(700_000).fill(n))
    case 'written-over':
      return image(small())
  }
}

function refuse(): never {
  throw new Error('not to be read')
}
