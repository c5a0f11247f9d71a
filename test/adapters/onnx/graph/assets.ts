import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

const folder = resolve(process.env.QUINTET_ASSETS ?? '../shared/assets')

/** Whether the evaluation assets are there. */
export const haveAssets = existsSync(join(folder, 'models')) && existsSync(join(folder, 'graphs'))

if (!haveAssets) {
  console.warn(`No assets in ${folder}: tests of real models are skipped. Name their folder in QUINTET_ASSETS.`)
}

/** The path of an asset, e.g. `models/ultraface_rfb_320.onnx`. */
export function asset(path: string): string {
  return join(folder, path)
}

/** Every real model and architecture among the assets, relative to their folder. */
export const assetModels: readonly string[] = haveAssets
  ? ['graphs', 'models'].flatMap((kind) =>
      readdirSync(join(folder, kind))
        .filter((name) => name.endsWith('.onnx'))
        .map((name) => `${kind}/${name}`),
    )
  : []

/** Models of other kinds than classifiers: detectors, recurrent ones, pictures to pictures. */
export const kinds: readonly string[] =
  haveAssets && existsSync(join(folder, 'models/kinds'))
    ? readdirSync(join(folder, 'models/kinds'))
        .filter((name) => name.endsWith('.onnx'))
        .map((name) => `models/kinds/${name}`)
    : []

const zoo = resolve('examples/zoo/models')

/** The paths of the built-in models. */
export const zooModels: readonly string[] = existsSync(zoo)
  ? readdirSync(zoo)
      .filter((name) => name.endsWith('.onnx'))
      .map((name) => join(zoo, name))
  : []
