import { z } from 'zod'
import { listKind } from './list.ts'

/*
 * What comes off the wire is checked by its schema, and nearly always passes. For that case the schema is compiled, once, to a
 * check that copies nothing: a fifth of what the schema itself costs on every message. What does not pass, and what has a
 * field that the schema does not know, the schema decides about and describes, so that there is one truth.
 */

/** True only of what the schema passes as it is, without a field that it does not know. */
export type QuickCheck = (value: unknown) => boolean

const none: QuickCheck = () => false
const known = new WeakMap<z.core.$ZodType, QuickCheck>()

/**
 * The quick check of a schema. Of kinds of schema that no header has, it passes nothing: those the schema checks itself.
 * @example quickCheck(z.object({ seq: z.number() }))({ seq: 1 })   // true
 */
export function quickCheck(schema: z.core.$ZodType): QuickCheck {
  let check = known.get(schema)
  if (!check) {
    check = compiled(schema)
    known.set(schema, check)
  }
  return check
}

function compiled(schema: z.core.$ZodType): QuickCheck {
  if (schema instanceof z.ZodObject) return objectCheck(schema)
  if (schema instanceof z.ZodString) return stringCheck(schema)
  if (schema instanceof z.ZodNumber) return numberCheck(schema)
  if (schema instanceof z.ZodBoolean) return (value) => typeof value === 'boolean'
  if (schema instanceof z.ZodLiteral) return oneOf(schema.values)
  if (schema instanceof z.ZodEnum) return oneOf(new Set(schema.options))
  if (schema instanceof z.ZodArray) return arrayCheck(schema)
  const list = listKind(schema)
  if (list) return listCheck(quickCheck(list.entry), list.least, list.most)
  if (schema instanceof z.ZodOptional) {
    const inner = quickCheck(schema.def.innerType)
    return (value) => value === undefined || inner(value)
  }
  if (schema instanceof z.ZodDiscriminatedUnion) return unionCheck(schema)
  if (schema instanceof z.ZodUnion) {
    const options = schema.options.map(quickCheck)
    return (value) => options.some((option) => option(value))
  }
  return none
}

function objectCheck(schema: z.ZodObject): QuickCheck {
  // Fields that are there without being allowed, or missing, are the schema's affair.
  if (schema.def.catchall !== undefined) return none
  const fields = new Map(Object.entries(schema.shape).map(([name, field]) => [name, quickCheck(field)]))
  const required = Object.entries(schema.shape).flatMap(([name, field]) =>
    field instanceof z.ZodOptional ? [] : [name],
  )
  return (value) => {
    if (typeof value !== 'object' || value === null) return false
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return false
    const given = value as Readonly<Record<string, unknown>>
    for (const name in given) {
      const field = fields.get(name)
      if (field === undefined || !field(given[name])) return false
    }
    for (const name of required) if (given[name] === undefined) return false
    return true
  }
}

function stringCheck(schema: z.ZodString): QuickCheck {
  const patterns: RegExp[] = []
  let least = 0
  let most = Number.POSITIVE_INFINITY
  for (const { _zod } of schema.def.checks ?? []) {
    const check = _zod.def as z.core.$ZodChecks['_zod']['def']
    if (check.check === 'min_length') least = Math.max(least, check.minimum)
    else if (check.check === 'max_length') most = Math.min(most, check.maximum)
    else if (check.check === 'string_format' && check.format === 'regex' && check.pattern) patterns.push(check.pattern)
    else return none
  }
  const [pattern] = patterns
  // One that remembers where it stopped would answer differently each time.
  if (patterns.length > 1 || pattern?.global || pattern?.sticky) return none
  return (value) =>
    typeof value === 'string' && value.length >= least && value.length <= most && (!pattern || pattern.test(value))
}

function numberCheck(schema: z.ZodNumber): QuickCheck {
  let least = Number.NEGATIVE_INFINITY
  let most = Number.POSITIVE_INFINITY
  let [above, below] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  let whole = false
  for (const { _zod } of schema.def.checks ?? []) {
    const check = _zod.def as z.core.$ZodChecks['_zod']['def']
    if (check.check === 'greater_than' && check.inclusive) least = Math.max(least, Number(check.value))
    else if (check.check === 'greater_than') above = Math.max(above, Number(check.value))
    else if (check.check === 'less_than' && check.inclusive) most = Math.min(most, Number(check.value))
    else if (check.check === 'less_than') below = Math.min(below, Number(check.value))
    else if (check.check === 'number_format' && check.format === 'safeint') whole = true
    else return none
  }
  return (value) =>
    typeof value === 'number' &&
    (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
    value >= least &&
    value <= most &&
    value > above &&
    value < below
}

function arrayCheck(schema: z.ZodArray): QuickCheck {
  let least = 0
  let most = Number.POSITIVE_INFINITY
  for (const { _zod } of schema.def.checks ?? []) {
    const check = _zod.def as z.core.$ZodChecks['_zod']['def']
    if (check.check === 'min_length') least = Math.max(least, check.minimum)
    else if (check.check === 'max_length') most = Math.min(most, check.maximum)
    else return none
  }
  return listCheck(quickCheck(schema.element), least, most)
}

function listCheck(entry: QuickCheck, least: number, most: number): QuickCheck {
  return (value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) return false
    for (let at = 0; at < value.length; at++) if (!entry(value[at])) return false
    return true
  }
}

function oneOf(values: ReadonlySet<unknown>): QuickCheck {
  if (values.size > 1) return (value) => values.has(value)
  const [only] = values
  return (value) => value === only
}

function unionCheck({ def }: z.ZodDiscriminatedUnion): QuickCheck {
  const options = new Map<unknown, QuickCheck>()
  for (const option of def.options) {
    const values = option instanceof z.ZodObject ? option.shape[def.discriminator] : undefined
    if (!(values instanceof z.ZodLiteral)) return none
    for (const value of values.values) options.set(value, quickCheck(option))
  }
  return (value) => {
    const kind = (value as Readonly<Record<string, unknown>> | null | undefined)?.[def.discriminator]
    return options.get(kind)?.(value) === true
  }
}
