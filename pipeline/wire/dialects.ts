import { BadConfiguration, VersionMismatch } from '../errors.ts'

/** Versions that somebody speaks, without gaps. */
export interface VersionRange {
  readonly least: number
  readonly most: number
}

/** One version of the wire, as a release that knows it writes and reads it. */
export interface Dialect {
  /** 1…255; each is one more than the one before. */
  readonly version: number
  /** A header of the newest version as this one has it. Default: as it is. */
  readonly write?: (header: object) => object
  /** What came in this version as the newest has it, before it is checked: anything. Default: as it is. */
  readonly read?: (header: unknown) => unknown
}

/** The version of words that are the same in all versions; no dialect has it. */
export const everyVersion = 0
const mostVersion = 255

/** The versions of the wire that one side speaks. The rest of the code knows the newest alone. */
export class Dialects implements VersionRange {
  readonly least: number
  readonly most: number
  readonly #dialects: readonly Dialect[]

  /** @throws BadConfiguration there is none, or their versions are not one after the other within 1…255 */
  constructor(dialects: readonly Dialect[]) {
    const [first] = dialects
    const last = dialects.at(-1)
    const inOrder = dialects.every(({ version }, at) => version === (first?.version ?? 0) + at)
    if (!first || !last || !inOrder || !Number.isInteger(first.version) || first.version < 1) {
      throw new BadConfiguration('Dialects have versions that follow on one another, from 1 on. Give at least one.')
    }
    if (last.version > mostVersion) {
      throw new BadConfiguration(`A dialect cannot have version ${last.version}: ${mostVersion} is the last one.`)
    }
    this.least = first.version
    this.most = last.version
    this.#dialects = dialects
  }

  speaks(version: number): boolean {
    return version >= this.least && version <= this.most
  }

  write(header: object, version: number): object {
    const write = this.#dialects[version - this.least]?.write
    return write ? write(header) : header
  }

  read(header: unknown, version: number): unknown {
    const read = this.#dialects[version - this.least]?.read
    return read ? read(header) : header
  }
}

/**
 * What this release speaks: the one place that says so. A change that a reader of the version before would take wrongly
 * is a new version: it comes behind, and those before learn to write and read what they had.
 */
export const wireDialects = new Dialects([{ version: 1 }])

/** What is spoken over a transport: this release's dialects, unless it says others. */
export const dialectsOf = (transport: { readonly dialects?: Dialects }): Dialects => transport.dialects ?? wireDialects

/** The highest version that both know. */
export function common(one: VersionRange, other: VersionRange): number | undefined {
  const highest = Math.min(one.most, other.most)
  return highest >= Math.max(one.least, other.least) ? highest : undefined
}

/** `version 3`, `versions 1 to 3`. */
export const inWords = ({ least, most }: VersionRange): string =>
  least === most ? `version ${least}` : `versions ${least} to ${most}`

/** Two sides that have no version in common. @param who the other side, as a sentence begins with it */
export function noCommonVersion(who: string, theirs: VersionRange, ours: VersionRange): VersionMismatch {
  const older = theirs.most < ours.least ? 'the other side' : 'this side'
  return new VersionMismatch(
    `${who} speaks ${inWords(theirs)} of the wire, this side ${inWords(ours)}: none is common. Upgrade ${older} to a release that speaks one of the other's.`,
    { retryable: true },
  )
}
