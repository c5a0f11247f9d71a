/* Cuts one model, said as JSON in the first argument, and prints where its head and tail are; see splitter.ts. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { asQuintetError, ModelLoadFailed } from '../../pipeline/index.ts'
import { readModel, split } from './graph/index.ts'
import type { SplitReport } from './splitter.ts'

const { path, sha256, layer, folder } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly path: string
  readonly sha256: string
  readonly layer: string
  readonly folder?: string
}

// Its input ends when whoever started it is gone, however it went: then nobody wants the split.
process.stdin.on('end', () => process.exit(1)).resume()

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(file), hash)
  } catch (cause) {
    throw new ModelLoadFailed(
      `"${file}" cannot be read: ${(cause as Error).message}. Look at the catalogue's folder.`,
      {
        cause,
      },
    )
  }
  return hash.digest('hex')
}

async function report(): Promise<SplitReport> {
  try {
    if ((await hashOf(path)) !== sha256) {
      throw new ModelLoadFailed(
        `"${path}" is not the file that the catalogue describes (sha256 differs). Fetch it again.`,
      )
    }
    const { head, tail, crossing } = await split(await readModel(path), layer, folder === undefined ? {} : { folder })
    return { head, tail, crossing: crossing.map(({ name }) => name) }
  } catch (error) {
    const { code, message } = asQuintetError(error, 'split')
    return { error: { code, message } }
  }
}

process.stdout.write(JSON.stringify(await report()), () => process.exit())
