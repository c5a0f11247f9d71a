import type { Metadata } from 'sharp'
import type { Geometry } from './geometry.ts'

/** Bytes that decoding takes for each pixel at most, whatever the picture: four samples of 16 bits. */
export const mostBytesAPixel = 8

/**
 * Bytes that are held while a picture is decoded for this geometry, estimated from its header. Measured with 200
 * megapixels: a baseline JPEG is shrunk while it is read (12 MB), a PNG flows by in rows (75 MB); a progressive JPEG has
 * all its coefficients held (583 MB, 2.9 bytes a pixel), and what is turned upright or written in passes is held whole.
 */
export function decodingBytes(header: Metadata, { resize }: Geometry): number {
  const { width, height, format, isProgressive, channels = 4, depth, chromaSubsampling, orientation = 1 } = header
  const pixels = width * height
  const sample = depth === 'uchar' ? 1 : 2
  if (format === 'jpeg') {
    if (isProgressive) return pixels * 2 * (chromaSubsampling === '4:2:0' ? 1.5 : channels)
    const shrink = shrinkOnLoad(Math.min(width / resize.width, height / resize.height))
    return orientation > 1 ? (pixels * channels) / shrink ** 2 : 0
  }
  if (format === 'png') return isProgressive || orientation > 1 ? pixels * channels * sample : 0
  return pixels * Math.max(4, channels * sample)
}

/** A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that is no smaller than what is wanted. */
function shrinkOnLoad(factor: number): number {
  return factor >= 8 ? 8 : factor >= 4 ? 4 : factor >= 2 ? 2 : 1
}
