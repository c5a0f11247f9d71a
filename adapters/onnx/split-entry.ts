/* Cuts one model, said as JSON in the first argument, and prints where its head and tail are; see splitter.ts. */
import { asQuintetError, ModelLoadFailed } from '../../pipeline/index.ts'
import { here, readModel, split, withRunShapes } from './graph/index.ts'
import { modelHash } from './hash.ts'
import type { SplitReport } from './splitter.ts'

const { path, sha256, axes, layer, folder } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly path: string
  readonly sha256: string
  readonly axes?: Readonly<Record<string, number>>
  readonly layer: string
  readonly folder?: string
}

// Its input ends when whoever started it is gone, however it went: then nobody wants the split.
process.stdin.on('end', () => process.exit(1)).resume()

async function verify(): Promise<void> {
  const found = await modelHash(path).catch((cause: Error) => {
    throw new ModelLoadFailed(`"${path}" cannot be read: ${cause.message}. Look at the catalogue's folder.`, { cause })
  })
  if (found === sha256) return
  throw new ModelLoadFailed(`"${path}" is not the file that the catalogue describes (sha256 differs). Fetch it again.`)
}

async function report(): Promise<SplitReport> {
  try {
    await verify()
    const { model } = await withRunShapes(await readModel(path, { axes }))
    const { head, tail, crossing } = await split(model, layer, {
      // This process does nothing else.
      runtime: here,
      ...(folder === undefined ? {} : { folder }),
    })
    return { head, tail, crossing: crossing.map(({ name }) => name) }
  } catch (error) {
    const { code, message } = asQuintetError(error, 'split')
    return { error: { code, message } }
  }
}

process.stdout.write(JSON.stringify(await report()), () => process.exit())
