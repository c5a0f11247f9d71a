import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Model } from '../onnx/graph/index.ts'
import { featuresOf, loadPredictor, loadProfile, type Predictor, referencePredictor } from '../onnx/profile/index.ts'

/** Milliseconds per layer of a model, and how they are known. */
export interface Times {
  readonly layers: readonly number[]
  readonly source: 'measured' | 'predicted'
}

/** Where profiles are kept: `$XDG_CACHE_HOME` or `~/.cache`, `quintet/profiles`. */
export function profileFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'quintet', 'profiles')
}

/** The file that holds a model's profile on this machine. */
export function profilePath(model: Model, threads: number): string {
  return join(profileFolder(), `${model.file.sha256}-${threads}.json`)
}

/**
 * A model's times: from the profile named, from one that "quintet profile" saved, otherwise predicted.
 * @throws BadConfiguration for a profile of another model
 */
export async function timesOf(model: Model, profile: string | undefined, threads: number): Promise<Times> {
  const saved = profilePath(model, threads)
  const path = profile ?? (existsSync(saved) ? saved : undefined)
  if (path !== undefined) {
    const { layers } = await loadProfile(path, model)
    if (layers.length === model.layers.length) return { layers: layers.map(({ ms }) => ms), source: 'measured' }
  }
  const predictor: Predictor = loadPredictor(referencePredictor)
  return { layers: featuresOf(model).map((features) => predictor.layer(features)), source: 'predicted' }
}
