import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { QuintetError } from '../../pipeline/index.ts'
import { cacheFolder } from '../machine/index.ts'
import type { Model } from '../onnx/graph/index.ts'
import {
  featuresOf,
  loadPredictor,
  loadProfile,
  type ModelProfile,
  machine,
  type Predictor,
  referencePredictor,
  runtime,
} from '../onnx/profile/index.ts'

/** Milliseconds per layer of a model, and how they are known. */
export interface Times {
  readonly layers: readonly number[]
  readonly source: 'measured' | 'predicted'
}

/** Where profiles are kept: `profiles` of `cacheFolder()`. */
export function profileFolder(): string {
  return cacheFolder(['profiles'])
}

/** The file that holds a model's profile on this machine. */
export function profilePath(model: Model, threads: number): string {
  return join(profileFolder(), `${model.file.sha256}-${threads}.json`)
}

/**
 * A model's times: from the profile named, from one that "quintet profile" saved, otherwise predicted.
 * @param tell hears of a saved profile that cannot be used
 * @throws BadConfiguration the profile that was named is none, or another model's
 */
export async function timesOf(
  model: Model,
  profile: string | undefined,
  threads: number,
  tell: (remark: string) => void,
): Promise<Times> {
  const measured = profile === undefined ? await savedProfile(model, threads, tell) : await loadProfile(profile, model)
  if (measured?.layers.length === model.layers.length) {
    return { layers: measured.layers.map(({ ms }) => ms), source: 'measured' }
  }
  const predictor: Predictor = loadPredictor(referencePredictor)
  return { layers: featuresOf(model).map((features) => predictor.layer(features)), source: 'predicted' }
}

/**
 * What "quintet profile" saved, where it still holds: of this machine, with this runtime. One that cannot be used is told
 * and passed over: nobody asked for it by name.
 */
async function savedProfile(
  model: Model,
  threads: number,
  tell: (remark: string) => void,
): Promise<ModelProfile | undefined> {
  const path = profilePath(model, threads)
  if (!existsSync(path)) return undefined
  let saved: ModelProfile
  try {
    saved = await loadProfile(path, model)
  } catch (error) {
    if (!(error instanceof QuintetError)) throw error
    tell(`${error.message} Until then times are predicted.`)
    return undefined
  }
  return saved.machine === machine() && saved.runtime === runtime() ? saved : undefined
}
