import { z } from 'zod'
import type { Clock } from './clock.ts'
import type { ModelSet } from './models.ts'
import { made, readOptions } from './options.ts'
import type { Platform } from './platform.ts'
import type { Transport } from './transport.ts'

const settings = z.strictObject({
  /** Milliseconds from capture within which an answer is on time. Default 30,000. */
  deadline: z.number().positive().max(86_400_000).default(30_000),
  /** What becomes of a message whose deadline passes: it fails at once, or is waited for and answered late. */
  late: z.enum(['fail', 'answer']).default('fail'),
  /** Milliseconds after which a late message fails all the same. Default: ten deadlines, at least 10,000. */
  patience: z.number().positive().max(86_400_000).optional(),
  /** Messages between capture and settlement at one time: this bounds the memory. Default 8. */
  window: z.number().int().min(1).max(65_536).default(8),
  /** Whether answers of one source keep the order of its captures. Default `source`. */
  order: z.enum(['source', 'none']).default('source'),
  /**
   * When the answer of a backup is shown: when the planned one cannot come in time any more (or has failed), or as soon
   * as it is there. Default `at-deadline`.
   */
  showBackup: z.enum(['at-deadline', 'first']).default('at-deadline'),
  /** Plans that one message is tried with at most, the first included, backups apart. Default 3. */
  attempts: z.number().int().min(1).max(100).default(3),
  /** Whether `decided` events carry what each decider weighed. Default false. */
  explain: z.boolean().default(false),
  /** Whose pipeline it is, where several share one server. Default `main`. */
  tenant: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'use 1 to 64 letters, digits, "_" or "-"')
    .default('main'),
})

const others = z.strictObject({
  models: made<ModelSet>('models, as catalogue(folder) or models(entries, folder) makes them').optional(),
  clock: made<Clock>('a clock').optional(),
  platform: made<Platform>('a platform').optional(),
  embedded: made<() => Transport>('a function that makes a transport, such as memoryTransport').optional(),
  battery: made<() => number | undefined>('a function').optional(),
})

/** Options of a pipeline; those that are plain values are checked when it is composed. */
export interface PipelineOptions extends z.input<typeof settings> {
  /** The models that plans may name, e.g. a catalogue. */
  readonly models?: ModelSet
  readonly clock?: Clock
  /** The machine it runs on. Default: what every browser and runtime has. */
  readonly platform?: Platform
  /** The charge of the device's battery, 0…1, or undefined where it has none; asked twice a minute. Must not wait. */
  readonly battery?: () => number | undefined
  /** The transport of `run()`: a new one for each run, which drains it. */
  readonly embedded?: () => Transport
}

/** The same with every default filled in. */
export type PipelineSettings = z.output<typeof settings>

/** @throws BadConfiguration naming the option that is wrong */
export function pipelineSettings(name: string, options: PipelineOptions): PipelineSettings {
  const { models, clock, platform, embedded, battery, ...plain } = options
  readOptions(others, { models, clock, platform, embedded, battery }, `pipeline "${name}"`)
  return readOptions(settings, plain, `pipeline "${name}"`)
}
