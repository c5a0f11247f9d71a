import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { asset, assetModels, haveAssets, zooModels } from '../adapters/onnx/graph/assets.ts'
import type { Subject } from './examine.ts'

/** Why real models are not tried here; undefined where they are there. */
export const noAssets = haveAssets ? undefined : 'no assets: name their folder in QUINTET_ASSETS'

/** The models among the assets, and the built-in ones. Architectures without weights of their own get seeded ones. */
export function real(): Subject[] {
  const kinds = asset('models/kinds')
  const more = existsSync(kinds) ? readdirSync(kinds).filter((name) => name.endsWith('.onnx')) : []
  const paths = [...assetModels.map(asset), ...more.map((name) => join(kinds, name))]
  return [
    // A real model has a cut behind most of its layers; those that carry several tensors are tried on the generated ones.
    ...paths.map((path) => ({
      name: basename(path),
      path,
      set: 'assets',
      tensors: 1,
      seeded: path.includes('light_'),
    })),
    ...zooModels.map((path) => ({ name: basename(path), path, set: 'zoo' })),
  ]
}
