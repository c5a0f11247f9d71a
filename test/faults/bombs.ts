import sharp from 'sharp'

/** Pixels a side. */
const side = 7000

/** A picture of 1.4 KB that takes seconds and two hundred megabytes to decode. */
export const bomb = (): Promise<Uint8Array> =>
  sharp({ create: { width: side, height: side, channels: 3, background: '#123456' } })
    .avif({ effort: 0, quality: 30 })
    .toBuffer()

/** A picture as cameras take them. */
export const photo = (): Promise<Uint8Array> =>
  sharp({
    create: {
      width: 640,
      height: 480,
      channels: 3,
      noise: { type: 'gaussian', mean: 128, sigma: 30 },
      background: '#777777',
    },
  })
    .jpeg()
    .toBuffer()
