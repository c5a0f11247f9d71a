import { z } from 'zod'
import { BadConfiguration, VersionMismatch } from './errors.ts'

/** Makes a value of the next version out of one: whatever it gets wrong, the schema finds. */
export type Migration = (value: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>

export interface VersionedOptions<S extends z.ZodObject> {
  /** What it is, with its article: `a decision log's entry`. */
  readonly what: string
  /** The version that is written. A change that a reader of the one before would take wrongly is a new one. */
  readonly version: number
  /** What it holds besides its version. */
  readonly schema: S
  /** What to do with one that cannot be read, as a sentence. */
  readonly remedy: string
  /** By the version that each begins with: to the next one. Default: older ones are refused. */
  readonly migrations?: Readonly<Record<number, Migration>>
}

/** The form of something that is saved: which version it is written in, and what becomes of other versions. */
export interface Versioned<T> {
  readonly version: number
  readonly schema: z.ZodType<T & { readonly version: number }>
  /** What is to be saved: the value behind its version. */
  write(value: T): T & { readonly version: number }
  /**
   * What was saved, brought to the version of today, otherwise unchecked.
   * @param where it is from, as a sentence begins with it: a file
   * @throws VersionMismatch it says no version, a newer one, or one that is not migrated
   */
  current(saved: unknown, where: string): unknown
  /**
   * What was saved, checked.
   * @throws VersionMismatch as `current` · BadConfiguration it does not pass the schema
   */
  read(saved: unknown, where: string): T & { readonly version: number }
}

/** Whatever is saved carries its version, in the field `version`: one way for all that is written to be read again. */
export function versioned<S extends z.ZodObject>({
  what,
  version,
  schema,
  remedy,
  migrations = {},
}: VersionedOptions<S>): Versioned<z.output<S>> {
  type Saved = z.output<S> & { readonly version: number }
  const whole = schema.safeExtend({ version: z.literal(version) }) as unknown as z.ZodType<Saved>
  const known = `this release reads version ${version}`
  const current = (saved: unknown, where: string): unknown => {
    let value = saved as Readonly<Record<string, unknown>>
    const found: unknown = typeof saved === 'object' && saved !== null ? value.version : undefined
    if (typeof found !== 'number' || !Number.isInteger(found)) {
      throw new VersionMismatch(`${where} says no version: ${known} of ${what}. ${remedy}`)
    }
    if (found > version) {
      throw new VersionMismatch(
        `${where} is of version ${found} of ${what}, and ${known}: a newer one wrote it. Upgrade Quintet, or: ${remedy}`,
      )
    }
    for (let at = found; at < version; at++) {
      const migrate = migrations[at]
      if (!migrate) {
        throw new VersionMismatch(`${where} is of version ${found} of ${what}, and ${known}, none so old. ${remedy}`)
      }
      value = { ...migrate(value), version: at + 1 }
    }
    return value
  }
  return {
    version,
    schema: whole,
    write: (value) => ({ version, ...value }),
    current,
    read(saved, where) {
      const checked = whole.safeParse(current(saved, where))
      if (checked.success) return checked.data
      const issue = checked.error.issues[0]
      throw new BadConfiguration(
        `${where} is not ${what}: wrong at "${issue?.path.join('.')}", ${issue?.message}. ${remedy}`,
        { cause: checked.error },
      )
    },
  }
}
