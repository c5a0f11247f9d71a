/** The picture formats that are decoded, by their first bytes. */
const signatures: readonly { readonly name: string; matches(bytes: Uint8Array): boolean }[] = [
  { name: 'jpeg', matches: (bytes) => startsWith(bytes, 0, [0xff, 0xd8, 0xff]) },
  { name: 'png', matches: (bytes) => startsWith(bytes, 0, [0x89, 0x50, 0x4e, 0x47]) },
  { name: 'webp', matches: (bytes) => startsWith(bytes, 0, ascii('RIFF')) && startsWith(bytes, 8, ascii('WEBP')) },
  { name: 'avif', matches: (bytes) => startsWith(bytes, 4, ascii('ftyp')) },
  { name: 'gif', matches: (bytes) => startsWith(bytes, 0, ascii('GIF8')) },
  {
    name: 'tiff',
    matches: (bytes) =>
      startsWith(bytes, 0, [0x49, 0x49, 0x2a, 0x00]) || startsWith(bytes, 0, [0x4d, 0x4d, 0x00, 0x2a]),
  },
]

/** For sentences that say what is taken. */
export const formatNames: readonly string[] = signatures.map((signature) => signature.name)

/**
 * Whether the bytes begin like a format of the list. Pictures come from strangers, and the decoder's library also
 * reads SVG, PDF and others, whose parsers fetch and execute more than pixels: those never reach it.
 */
export function looksLikePicture(bytes: Uint8Array): boolean {
  return signatures.some((signature) => signature.matches(bytes))
}

function startsWith(bytes: Uint8Array, offset: number, expected: readonly number[]): boolean {
  return expected.every((value, index) => bytes[offset + index] === value)
}

function ascii(text: string): readonly number[] {
  return [...text].map((character) => character.charCodeAt(0))
}
