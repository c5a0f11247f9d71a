import { type Cut, layerOf } from '../../pipeline/index.ts'
import { isActivationEncoding, isLossless, pictureWriting, precisionOf } from '../transfer/index.ts'
import type { CatalogueEntry } from './catalogue.ts'

/**
 * The share of its accuracy that a model is taken to keep where a lossy encoding was not measured: what the most sensitive
 * of the zoo's models keeps with JPEG of quality 90 (0.956), rounded down. `quintet cuts FOLDER --pictures DIR` measures it.
 */
export const unmeasured = 0.95

/** The quality of JPEG and WebP where a name says none: what `preprocess()` writes. */
export const usualQuality = 90

/**
 * The share of its accuracy that a model keeps when what crosses the wire at a cut is written so, 0…1. The one place
 * that knows it:
 *
 * - 1 for what is written exactly (`raw`, `tensor`, `float32`), and for what crosses as it was captured.
 * - What was measured for this model, cut and encoding. Packing (`+deflate`) changes nothing. Behind a layer that was not
 *   measured: the least that was behind any.
 * - Of pictures, else: what the next lower quality keeps that was measured, with the same subsampling or less.
 * - Else `unmeasured`.
 */
export function keeps(entry: CatalogueEntry, cut: Cut, encoding: string): number {
  if (isLossless(encoding)) return 1
  const measured = entry.fidelity
  if (measured === undefined || measured.length === 0) return unmeasured
  if (isActivationEncoding(encoding)) {
    const precision = precisionOf(encoding)
    let least: number | undefined
    for (const one of measured) {
      if (one.encoding !== precision || layerOf(one.cut as Cut) === undefined) continue
      if (one.cut === cut) return one.keeps
      least = Math.min(least ?? 1, one.keeps)
    }
    return least ?? unmeasured
  }
  const wanted = pictureWriting(encoding)
  if (wanted === undefined) return unmeasured
  const { format, quality = usualQuality, subsampling = '420' } = wanted
  let best: { readonly quality: number; readonly keeps: number } | undefined
  for (const one of measured) {
    const known = one.cut === 'prepared' ? pictureWriting(one.encoding) : undefined
    if (known?.format !== format) continue
    const { quality: at = usualQuality, subsampling: colour = '420' } = known
    if (at > quality || (colour === '444' && subsampling === '420')) continue
    if (at === quality && colour === subsampling) return one.keeps
    if (best === undefined || at > best.quality) best = { quality: at, keeps: one.keeps }
  }
  return best?.keeps ?? unmeasured
}

/**
 * The encodings of prepared pictures that are worth offering for a model: of those measured, each that keeps more than
 * all that take fewer bytes.
 */
export function offered({ fidelity = [] }: CatalogueEntry): readonly string[] {
  let most = -1
  return fidelity
    .filter(({ cut }) => cut === 'prepared')
    .sort((one, other) => one.bytes - other.bytes || other.keeps - one.keeps)
    .flatMap(({ encoding, keeps: kept }) => {
      if (kept <= most) return []
      most = kept
      return [encoding]
    })
}

/** Bytes per pixel that prepared pictures took when written so, over these models; undefined where it was not measured. */
export function measuredPixel(entries: readonly CatalogueEntry[], encoding: string): number | undefined {
  let [sum, count] = [0, 0]
  for (const { fidelity = [], input } of entries) {
    const one = fidelity.find((each) => each.cut === 'prepared' && each.encoding === encoding)
    if (one === undefined) continue
    sum += one.bytes / (input.width * input.height)
    count += 1
  }
  return count > 0 ? sum / count : undefined
}
