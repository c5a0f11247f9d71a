/** What bytes are, by how they begin. */
export interface Sniffed {
  /** As people call it. */
  readonly name: string
  /** Whether it is decoded here. */
  readonly taken: boolean
  /** What to do about one that is not. */
  readonly advice?: string
}

const convert = 'Convert it to JPEG or PNG'

interface Signature extends Sniffed {
  matches(bytes: Uint8Array): boolean
}

const at =
  (offset: number, ...expected: readonly (number | string)[]) =>
  (bytes: Uint8Array) => {
    const wanted = expected.flatMap((part) => (typeof part === 'string' ? ascii(part) : [part]))
    return wanted.every((value, index) => bytes[offset + index] === value)
  }

/** The brands of an ISO base media file (HEIF, AVIF, MP4 …): its own, and those it says it is compatible with. */
function brands(bytes: Uint8Array): readonly string[] {
  if (!at(4, 'ftyp')(bytes)) return []
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0)
  const text = String.fromCharCode(...bytes.subarray(8, Math.min(length, bytes.byteLength, 256)))
  // Behind the major brand stands its version.
  return (text.match(/[\s\S]{4}/g) ?? []).filter((_, index) => index !== 1)
}
const branded = (pattern: RegExp) => (bytes: Uint8Array) => brands(bytes).some((brand) => pattern.test(brand))

/** The picture formats that are decoded, then what else may come in their place. The first that matches counts. */
const signatures: readonly Signature[] = [
  { name: 'jpeg', taken: true, matches: at(0, 0xff, 0xd8, 0xff) },
  { name: 'png', taken: true, matches: at(0, 0x89, 'PNG') },
  { name: 'webp', taken: true, matches: (bytes) => at(0, 'RIFF')(bytes) && at(8, 'WEBP')(bytes) },
  { name: 'avif', taken: true, matches: branded(/^avi[fs]$/) },
  { name: 'gif', taken: true, matches: at(0, 'GIF8') },
  {
    name: 'tiff',
    taken: true,
    matches: (bytes) => at(0, 'II', 0x2a, 0)(bytes) || at(0, 'MM', 0, 0x2a)(bytes),
  },
  {
    name: 'HEIC',
    taken: false,
    advice: `${convert} (telephones can be set to take JPEG: "Most Compatible")`,
    matches: branded(/^(he(ic|ix|im|is|vc|vx|vm|vs)|mif1|msf1)$/),
  },
  { name: 'camera raw (CR3)', taken: false, advice: convert, matches: branded(/^crx /) },
  {
    name: 'video (MP4 or QuickTime)',
    taken: false,
    advice: 'Take single pictures of it, with ffmpeg for example, and hand those in',
    matches: at(4, 'ftyp'),
  },
  {
    name: 'video (Matroska or WebM)',
    taken: false,
    advice: 'Take single pictures of it, with ffmpeg for example, and hand those in',
    matches: at(0, 0x1a, 0x45, 0xdf, 0xa3),
  },
  {
    name: 'video (AVI)',
    taken: false,
    advice: 'Take single pictures of it, with ffmpeg for example, and hand those in',
    matches: (bytes) => at(0, 'RIFF')(bytes) && at(8, 'AVI ')(bytes),
  },
  { name: 'sound (WAV)', taken: false, matches: (bytes) => at(0, 'RIFF')(bytes) && at(8, 'WAVE')(bytes) },
  { name: 'JPEG XL', taken: false, advice: convert, matches: at(0, 0xff, 0x0a) },
  { name: 'JPEG XL', taken: false, advice: convert, matches: at(0, 0, 0, 0, 12, 'JXL ') },
  { name: 'JPEG 2000', taken: false, advice: convert, matches: at(0, 0, 0, 0, 12, 'jP  ') },
  { name: 'JPEG 2000', taken: false, advice: convert, matches: at(0, 0xff, 0x4f, 0xff, 0x51) },
  {
    name: 'BigTIFF',
    taken: false,
    advice: convert,
    matches: (bytes) => at(0, 'II', 0x2b, 0)(bytes) || at(0, 'MM', 0, 0x2b)(bytes),
  },
  { name: 'Photoshop document', taken: false, advice: convert, matches: at(0, '8BPS') },
  { name: 'icon (ICO)', taken: false, advice: convert, matches: at(0, 0, 0, 1, 0) },
  { name: 'OpenEXR', taken: false, advice: convert, matches: at(0, 0x76, 0x2f, 0x31, 0x01) },
  { name: 'Radiance HDR', taken: false, advice: convert, matches: at(0, '#?RADIANCE') },
  { name: 'PDF', taken: false, advice: 'Draw its pages as pictures first', matches: at(0, '%PDF') },
  { name: 'archive (ZIP)', taken: false, advice: 'Hand in the pictures that are in it', matches: at(0, 'PK', 3, 4) },
  { name: 'archive (gzip)', taken: false, advice: 'Hand in the pictures that are in it', matches: at(0, 0x1f, 0x8b) },
  { name: 'BMP', taken: false, advice: convert, matches: isBitmap },
  { name: 'PNM (PPM, PGM, PBM)', taken: false, advice: convert, matches: (bytes) => /^P[1-7]\s/.test(head(bytes)) },
  {
    name: 'SVG',
    taken: false,
    advice: 'It is a drawing to be carried out, not pixels: draw it first',
    matches: (bytes) => /^\s*<(\?xml|!--|!DOCTYPE svg|svg)[\s\S]*<svg|^\s*<svg/i.test(head(bytes)),
  },
  {
    name: 'web page (HTML)',
    taken: false,
    advice: 'Where it was fetched from may have answered with an error',
    matches: (bytes) => /^\s*<(!doctype html|html|head|body)/i.test(head(bytes)),
  },
  { name: 'JSON', taken: false, matches: (bytes) => /^\s*[{[]\s*["{[\]}]/.test(head(bytes)) },
  {
    name: 'picture written as text (base64)',
    taken: false,
    advice: 'Decode it first',
    matches: (bytes) => /^(data:image\/|\/9j\/|iVBORw0KGgo|UklGR|R0lGOD)/.test(head(bytes)),
  },
]

/** For sentences that say what is taken. */
export const formatNames: readonly string[] = signatures.filter(({ taken }) => taken).map(({ name }) => name)

/**
 * What the bytes begin like; undefined where that is nothing known. Pictures come from strangers, and the decoder's
 * library also reads SVG, PDF and others, whose parsers fetch and execute more than pixels: those never reach it.
 */
export function sniff(bytes: Uint8Array): Sniffed | undefined {
  return signatures.find((signature) => signature.matches(bytes))
}

/**
 * Why a picture may be beyond the decoder though it is whole, as far as its own header tells; undefined where it tells
 * nothing.
 */
export function rareKind(bytes: Uint8Array): string | undefined {
  if (sniff(bytes)?.name !== 'jpeg') return undefined
  const { marker, precision = 8 } = jpegHeader(bytes)
  if (precision !== 8) return `a jpeg of ${precision} bits a sample`
  return marker === undefined ? undefined : rareJpegs[marker]
}

/** By the marker of the frame: all but baseline and progressive ones with Huffman coding. */
const rareJpegs: Readonly<Record<number, string>> = {
  195: 'a lossless jpeg',
  197: 'a hierarchical jpeg',
  198: 'a hierarchical jpeg',
  199: 'a lossless, hierarchical jpeg',
  201: 'a jpeg with arithmetic coding',
  202: 'a jpeg with arithmetic coding',
  203: 'a lossless jpeg with arithmetic coding',
  205: 'a hierarchical jpeg with arithmetic coding',
  206: 'a hierarchical jpeg with arithmetic coding',
  207: 'a lossless, hierarchical jpeg with arithmetic coding',
}

/** Whether the end of a picture is missing, by what its format says of its length; false where that tells nothing. */
export function isCutOff(bytes: Uint8Array): boolean {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (sniff(bytes)?.name) {
    case 'jpeg': {
      // Behind the first scan only the picture's own end can be; before it, that of a thumbnail as well.
      const { scan } = jpegHeader(bytes)
      return scan === undefined || all.indexOf(Uint8Array.of(0xff, 0xd9), scan) < 0
    }
    case 'png':
      return all.lastIndexOf('IEND') < 0
    case 'webp':
      return all.readUInt32LE(4) + 8 > all.byteLength
    case 'gif':
      return !/;\0*$/.test(all.subarray(-64).toString('latin1'))
    case 'avif':
      return !boxesEnd(all)
    default:
      return false
  }
}

interface JpegHeader {
  /** Of its frame: what kind it is. */
  readonly marker?: number
  /** Bits a sample. */
  readonly precision?: number
  /** Where its first scan begins, bytes. */
  readonly scan?: number
}

function jpegHeader(bytes: Uint8Array): JpegHeader {
  let frame: JpegHeader = {}
  let offset = 2
  while (offset + 4 < bytes.byteLength && bytes[offset] === 0xff) {
    const marker = bytes[offset + 1] as number
    // Fill bytes, and markers that stand alone.
    if (marker === 0xff) offset++
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) offset += 2
    else {
      if (marker === 0xda) return { ...frame, scan: offset }
      if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
        frame = { marker, precision: bytes[offset + 4] as number }
      }
      offset += 2 + ((bytes[offset + 2] as number) << 8) + (bytes[offset + 3] as number)
    }
  }
  return frame
}

/** Whether a file of boxes ends behind its last box; one whose boxes are not even named right is damaged otherwise. */
function boxesEnd(all: Buffer): boolean {
  for (let offset = 0; offset + 8 <= all.byteLength; ) {
    const size = all.readUInt32BE(offset)
    // 0: to the end of the file; 1: a size of 64 bits follows, which no picture here needs.
    if (size < 8) return true
    if (offset + size > all.byteLength)
      return !/^(ftyp|meta|mdat|moov)$/.test(all.toString('latin1', offset + 4, offset + 8))
    offset += size
  }
  return true
}

/** "BM", then sizes that fit: the two letters alone begin many a text. */
function isBitmap(bytes: Uint8Array): boolean {
  if (!at(0, 'BM')(bytes) || bytes.byteLength < 26) return false
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(14, true)
  return [12, 40, 52, 56, 64, 108, 124].includes(header)
}

const head = (bytes: Uint8Array) => String.fromCharCode(...bytes.subarray(0, 256)).replace(/^\u00ef\u00bb\u00bf/, '')

/** Whether bytes read as text. */
export function looksLikeText(bytes: Uint8Array): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells data from text
  return !/[\u0000-\u0008\u000e-\u001f]/.test(head(bytes))
}

function ascii(text: string): readonly number[] {
  return [...text].map((character) => character.charCodeAt(0))
}
