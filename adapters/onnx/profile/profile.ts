import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { dirname } from 'node:path'
import { z } from 'zod'
import { BadConfiguration, versioned } from '../../../pipeline/index.ts'
import type { Model } from '../graph/index.ts'
import { featuresOf } from './features.ts'
import { type MeasureOptions, measure } from './measure.ts'
import type { Sample } from './predictor.ts'

const timing = z.strictObject({ ms: z.number().min(0), low: z.number().min(0), high: z.number().min(0) })

/** Of the whole run, which takes some time on every machine. */
const whole = timing.extend({ ms: z.number().positive('must be more than 0: nothing was measured') })

/** A model's measured profile, as it is saved: valid for this model, machine, number of threads and runtime. */
export const modelProfile = versioned({
  what: 'a profile',
  version: 1,
  remedy: 'Remove it, and make one with "quintet profile".',
  schema: z.strictObject({
    model: z.string(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    machine: z.string(),
    threads: z.number().int().positive(),
    runtime: z.string(),
    /** Milliseconds of one warm run: the typical one, and its quartiles. */
    total: whole,
    layers: z.array(
      z.strictObject({
        name: z.string(),
        kind: z.string(),
        macs: z.number(),
        bytes: z.number(),
        ...timing.shape,
      }),
    ),
    runs: z.number().int().positive(),
    undisturbed: z.number().min(0),
  }),
})

export type ModelProfile = z.infer<typeof modelProfile.schema>

/** This machine, as profiles name it: processor and number of cores. */
export function machine(): string {
  const cores = cpus()
  return `${cores[0]?.model.trim() ?? process.arch} × ${cores.length}`
}

/** The runtime with its version. */
export function runtime(): string {
  const { version } = z
    .object({ version: z.string() })
    .parse(createRequire(import.meta.url)('onnxruntime-node/package.json'))
  return `onnxruntime-node ${version}`
}

/** Measures a model here. @throws BadConfiguration for a model whose inputs cannot be made up */
export async function profile(model: Model, options: MeasureOptions = {}): Promise<ModelProfile> {
  const { total, layers, runs, undisturbed } = await measure(model, options)
  const features = featuresOf(model)
  const none = { ms: 0, low: 0, high: 0 }
  return modelProfile.write({
    model: model.file.path.split(/[/\\]/).at(-1) ?? model.file.path,
    sha256: model.file.sha256,
    machine: machine(),
    threads: options.threads ?? 1,
    runtime: runtime(),
    total,
    layers: model.layers.map((layer, index) => ({
      name: layer.name,
      ...(features[index] ?? { kind: layer.kind, macs: layer.macs ?? 0, bytes: 0 }),
      ...(layers[index] ?? none),
    })),
    runs,
    undisturbed,
  })
}

/**
 * Writes a profile; it appears at once or not at all.
 * @throws BadConfiguration what was measured is no profile: no runs, or times that are none
 */
export async function saveProfile(path: string, value: ModelProfile): Promise<void> {
  const checked = modelProfile.schema.safeParse(value)
  if (!checked.success) {
    throw new BadConfiguration(
      `What was measured of ${value.model} is no profile, and is not saved: ${z.prettifyError(checked.error)}. Measure it again, with at least one run.`,
    )
  }
  await mkdir(dirname(path), { recursive: true })
  const aside = `${path}.${process.pid}`
  await writeFile(aside, JSON.stringify(value, null, 1))
  await rename(aside, path)
}

/**
 * Reads a profile, for this model where one is given.
 * @throws BadConfiguration where it is none, or another model's · VersionMismatch another release wrote it
 */
export async function loadProfile(path: string, model?: Model): Promise<ModelProfile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new BadConfiguration(`The profile ${path} cannot be read. Make one with "quintet profile".`, { cause })
  })
  let value: unknown
  try {
    // Without the byte order mark that some editors write.
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new BadConfiguration(`${path} is no profile. Make one with "quintet profile".`, { cause })
  }
  const found = modelProfile.read(value, path)
  if (model && found.sha256 !== model.file.sha256) {
    throw new BadConfiguration(
      `${path} is the profile of another model (${found.model}). Measure this one with "quintet profile".`,
    )
  }
  return found
}

/** What a predictor learns from a profile. */
export function samplesOf(value: ModelProfile): Sample[] {
  return value.layers.map(({ kind, macs, bytes, ms }) => ({ model: value.sha256, kind, macs, bytes, ms }))
}
