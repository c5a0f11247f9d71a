import { readFile, stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { BadInput } from '../../pipeline/index.ts'
import { opportunities, type Rate, type RateStep, steps } from './rate.ts'

/** No trace worth replaying is larger. */
const mostBytes = 64 * 2 ** 20

/**
 * Reads a recorded trace: `.up` and `.down` are mahimahi's (a line per delivery opportunity of 1,504 bytes, its time in
 * ms), all others two columns, seconds and Mbit/s.
 * @throws BadInput it cannot be read, is larger than 64 MiB, or a line of it is no trace's
 */
export async function readTrace(path: string): Promise<Rate> {
  const name = basename(path)
  try {
    const { size } = await stat(path)
    if (size > mostBytes) throw new BadInput(`Trace "${name}" has ${size} bytes; at most ${mostBytes} are read.`)
    const text = new TextDecoder().decode(await readFile(path))
    return /^\.(up|down)$/.test(extname(path)) ? parseOpportunities(text, name) : parseSteps(text, name)
  } catch (cause) {
    if (cause instanceof BadInput) throw cause
    throw new BadInput(`Trace "${path}" cannot be replayed: ${(cause as Error).message}`, { cause })
  }
}

/** A mahimahi trace: one time per line, ms. @throws BadInput naming the line · BadConfiguration as `opportunities` */
export function parseOpportunities(text: string, name = 'trace'): Rate {
  return opportunities(
    lines(text).map((line, index) => {
      if (!/^\d{1,15}$/.test(line)) throw wrongLine(name, index, 'a whole number of milliseconds')
      return Number(line)
    }),
    name,
  )
}

/** A throughput trace: seconds and Mbit/s per line. @throws BadInput naming the line · BadConfiguration as `steps` */
export function parseSteps(text: string, name = 'trace'): Rate {
  return steps(
    lines(text).map((line, index): RateStep => {
      const [seconds, megabits, ...more] = line.split(/\s+/).map(Number)
      if (more.length > 0 || !Number.isFinite(seconds) || !Number.isFinite(megabits)) {
        throw wrongLine(name, index, 'two numbers, seconds and Mbit/s')
      }
      return { at: 1000 * (seconds as number), bitsPerSecond: 1e6 * (megabits as number) }
    }),
    name,
  )
}

const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

const wrongLine = (name: string, index: number, wanted: string) =>
  new BadInput(`Trace "${name}", line ${index + 1}, is not ${wanted}.`)
