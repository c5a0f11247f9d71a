import { z } from 'zod'
import {
  type Backup,
  BadInput,
  type CloudLoad,
  type Cut,
  type DecisionRequest,
  type ErrorCode,
  type Explanation,
  type Fact,
  type Menu,
  type Outcome,
  type Probe,
  type Target,
  versioned,
  type World,
  type WorldFacts,
} from '../../../pipeline/index.ts'

/** The version of the entries that are written. */
export const logVersion = 1

/** An entry, as far as its version goes: what it holds depends on its type. */
const logged = versioned({
  what: 'a decision log',
  version: logVersion,
  schema: z.looseObject({}),
  remedy: 'Read it with the release that wrote it.',
})

/** What was known, by whom, and for how long already, ms. */
export interface LoggedFact<T> extends Omit<Fact<T>, 'at'> {
  readonly age: number
}

export type LoggedWorld = {
  readonly [K in Exclude<keyof WorldFacts, 'clouds'>]?: LoggedFact<WorldFacts[K]>
} & {
  /** A map's values: each names its node. */
  readonly clouds?: LoggedFact<readonly LoggedFact<CloudLoad>[]>
}

interface Logged {
  readonly version: typeof logVersion
  /** Whose decision it is: the names of the deciders that were logged together. */
  readonly by: string
}

/** A decision: what was known, what there was to choose from, how it was weighed, and what was left of the menu. */
export interface LoggedDecision extends Logged, DecisionRequest {
  readonly type: 'decision'
  readonly world: LoggedWorld
  readonly menu: Menu
  /** What of the menu was narrowed or set, and to what. */
  readonly left: Partial<Menu>
  /** Of each decider that tells, in their order. */
  readonly explanations: readonly Explanation[]
}

/** What became of an attempt. */
export interface LoggedOutcome extends Logged, Outcome {
  readonly type: 'outcome'
}

/** What a probe found. */
export interface LoggedProbe extends Logged, Probe {
  readonly type: 'probe'
}

/** So many entries are missing here, because the log could not keep up. */
export interface LostEntries {
  readonly version: typeof logVersion
  readonly type: 'lost'
  readonly entries: number
}

/** One line of a decision log. Ids and sources in it are hashed; `null` stands for Infinity, as JSON has none. */
export type LogEntry = LoggedDecision | LoggedOutcome | LoggedProbe | LostEntries

const name = z.string().max(256)
const named = <T extends string>() => name as unknown as z.ZodType<T>
const list = <T extends string>() => z.array(named<T>()).max(4096)
const count = z.number().int().min(0)
const share = z.number().min(0).max(1)
const orInfinity = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.POSITIVE_INFINITY)
/** A field that is always there, if need be as `undefined`. */
const orUndefined = <T extends z.ZodType>(schema: T) =>
  schema.optional().transform((value): z.output<T> | undefined => value)

const plan = z.object({
  model: name.exactOptional(),
  cut: named<Cut>().exactOptional(),
  encoding: name.exactOptional(),
  target: named<Target>().exactOptional(),
  backup: named<Backup>().exactOptional(),
  backupAfter: z.number().exactOptional(),
  accept: z.number().exactOptional(),
})

const scalars = {
  backupAfter: z.number().exactOptional(),
  accept: z.number().exactOptional(),
  lastAge: z.number().exactOptional(),
}

const menu = z.object({
  models: list(),
  cuts: list<Cut>(),
  encodings: list(),
  targets: list<Target>(),
  backups: list<Backup>(),
  ...scalars,
})

const left = z.object({
  ...scalars,
  models: menu.shape.models.exactOptional(),
  cuts: menu.shape.cuts.exactOptional(),
  encodings: menu.shape.encodings.exactOptional(),
  targets: menu.shape.targets.exactOptional(),
  backups: menu.shape.backups.exactOptional(),
})

const way = z.object({ up: z.number(), down: z.number() })

const fact = <T extends z.ZodType>(value: T) => z.object({ value, age: z.number(), owner: name })

const load = z.object({
  node: name,
  pending: z.number(),
  capacity: z.number(),
  slowdown: z.number().exactOptional(),
})

const facts = {
  link: z.object({
    uplink: z.number().exactOptional(),
    downlink: z.number().exactOptional(),
    rtt: z.number().exactOptional(),
  }),
  cloud: load,
  clouds: z.array(fact(load)).max(4096),
  targets: list<Target>(),
  inFlight: z.number(),
  resident: list(),
  battery: share,
} satisfies Record<keyof WorldFacts, z.ZodType>

const world: z.ZodType<LoggedWorld> = z.object({
  link: fact(facts.link).exactOptional(),
  cloud: fact(facts.cloud).exactOptional(),
  clouds: fact(facts.clouds).exactOptional(),
  targets: fact(facts.targets).exactOptional(),
  inFlight: fact(facts.inFlight).exactOptional(),
  resident: fact(facts.resident).exactOptional(),
  battery: fact(facts.battery).exactOptional(),
})

/** What JSON could not say (no number, Infinity) is not known. */
const expected = z.number().exactOptional()

const explanation = z.object({
  decider: name,
  weighed: z
    .array(
      z.object({
        choice: plan,
        ms: expected,
        onTime: expected,
        accuracy: expected,
        bytes: expected,
        energy: expected,
        money: expected,
        utility: expected,
        propensity: share,
      }),
    )
    .max(4096),
  chosen: count,
  why: z.string().max(1024).exactOptional(),
})

const head = {
  version: z.literal(logVersion),
  by: name,
  id: name,
  attempt: z.number().int().min(1),
  side: z.enum(['device', 'cloud']),
  now: z.number(),
  plan,
  bytes: count,
  width: orUndefined(z.number()),
  height: orUndefined(z.number()),
  way: orUndefined(way),
}

const decision: z.ZodType<LoggedDecision> = z.object({
  ...head,
  type: z.literal('decision'),
  source: name,
  seq: count,
  at: named<Cut>(),
  elapsed: z.number(),
  remaining: orInfinity,
  deadline: orInfinity,
  accuracy: share.exactOptional(),
  tried: z.array(z.object({ plan, error: named<ErrorCode>().exactOptional(), score: share.exactOptional() })).max(64),
  world,
  menu,
  left,
  explanations: z.array(explanation).max(64),
})

const outcome: z.ZodType<LoggedOutcome> = z.object({
  ...head,
  type: z.literal('outcome'),
  kind: z.enum(['message', 'failure', 'dropped']),
  settled: z.boolean(),
  backup: z.literal(true).exactOptional(),
  began: z.number().exactOptional(),
  retryAfter: orUndefined(z.number()),
  score: orUndefined(share),
  timings: z.object({
    capture: expected,
    device: expected,
    transfer: expected,
    cloud: expected,
    execute: expected,
    queue: expected,
    load: expected,
  }),
  crossing: orUndefined(z.object({ at: named<Cut>(), encoding: name, bytes: z.number(), node: name })),
  latency: z.number(),
  onTime: z.boolean(),
  error: orUndefined(named<ErrorCode>()),
})

const probe: z.ZodType<LoggedProbe> = z.object({
  version: z.literal(logVersion),
  type: z.literal('probe'),
  by: name,
  node: orUndefined(name),
  bytes: count,
  ms: z.number(),
  answered: z.boolean(),
  now: z.number(),
})

const lost: z.ZodType<LostEntries> = z.object({
  version: z.literal(logVersion),
  type: z.literal('lost'),
  entries: count,
})

const entries: Readonly<Record<string, z.ZodType<LogEntry>>> = { decision, outcome, probe, lost }

/**
 * Reads one line of a decision log.
 * @throws VersionMismatch another version wrote it · BadInput it is damaged, or none of a decision log
 */
export function parseEntry(line: string): LogEntry {
  let value: { readonly type?: unknown } | null
  try {
    value = JSON.parse(line) as typeof value
  } catch (cause) {
    throw new BadInput('The line is no JSON: it was cut off or damaged. Leave it out.', { cause })
  }
  if (value?.type !== undefined) value = logged.current(value, 'The log') as typeof value
  const schema = Object.hasOwn(entries, String(value?.type)) ? entries[String(value?.type)] : undefined
  const checked = schema?.safeParse(value)
  if (checked?.success) return checked.data
  const issue = checked?.error.issues[0]
  throw new BadInput(
    `The line is no entry of a decision log${issue ? `: "${issue.path.join('.')}", ${issue.message}` : ''}. Leave it out.`,
  )
}

const fields = Object.keys(facts) as readonly (keyof WorldFacts)[]

/** What is known at local time `now`, ms, as it is logged. */
export function logWorld(known: World, now: number): LoggedWorld {
  const facts: Record<string, LoggedFact<unknown>> = {}
  for (const field of fields) {
    const fact = known.get(field)
    if (fact) facts[field] = aged(fact, now)
  }
  const clouds = known.get('clouds')
  if (clouds) {
    facts.clouds = { ...aged(clouds, now), value: [...clouds.value.values()].map((one) => aged(one, now)) }
  }
  return facts as LoggedWorld
}

function aged<T>({ value, at, owner }: Fact<T>, now: number): LoggedFact<T> {
  return { value, age: now - at, owner }
}

/** A fact as it was known at local time `now`, ms. */
export function dated<T>({ value, age, owner }: LoggedFact<T>, now: number): Fact<T> {
  return { value, at: now - age, owner }
}
