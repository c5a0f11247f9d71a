import { type Dialect, Dialects, wireDialects } from '../../pipeline/index.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * A version that no other reads: it has no field `kind` (but one of its own name), one field more that may be passed over,
 * and one more that must not be.
 */
function stranger(version: number): Dialect {
  const [kind, region] = [`what-${version}`, `region-${version}`]
  return {
    version,
    write: (header) => {
      const { kind: what, ...rest } = header as Fields
      const named = what === undefined ? {} : { [kind]: what }
      return { ...named, ...rest, [`mood-${version}`]: 'good', [region]: 'north', must: [region] }
    },
    read: (header) => {
      const { [kind]: what, must, ...rest } = header as Fields
      const left = Array.isArray(must) ? must.filter((name) => name !== region) : must
      return { ...(what === undefined ? {} : { kind: what }), ...rest, must: left }
    },
  }
}

/** Another release, which speaks these versions; 1 is today's. */
export function release(least: number, most: number): Dialects {
  return new Dialects(
    Array.from({ length: most - least + 1 }, (_, at) => (least + at === 1 ? { version: 1 } : stranger(least + at))),
  )
}

/** A release of today's version with changed headers. */
export const changed = (write: (header: Fields) => object): Dialects =>
  new Dialects([{ version: wireDialects.most, write: write as (header: object) => object }])
