import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Beside this file when it runs from source; the compiled file lies at `dist/examples/zoo`, the models do not. */
const places = ['./models/', '../../../examples/zoo/models/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

/** The folder of the built-in models, an absolute path: `catalogue.json`, the ONNX files and their model cards. */
export const zooFolder: string = places.find((path) => existsSync(`${path}catalogue.json`)) ?? (places[0] as string)
