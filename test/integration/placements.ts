import { fileURLToPath } from 'node:url'
import {
  type Cut,
  capture,
  catalogue,
  decide,
  execute,
  type Frame,
  fixed,
  hop,
  type Models,
  type Pipeline,
  pipeline,
  preprocess,
  transfer,
} from '../../adapters/node/index.ts'
import { zooFolder } from '../../examples/zoo/index.ts'

/** Where the wire may be, and how a payload may travel there. */
export const placements: readonly { readonly cut: Cut; readonly encoding: string }[] = [
  { cut: 'captured', encoding: 'original' },
  { cut: 'prepared', encoding: 'jpeg' },
  { cut: 'prepared', encoding: 'webp' },
  { cut: 'prepared', encoding: 'raw' },
  { cut: 'prepared', encoding: 'tensor' },
  { cut: 'answered', encoding: 'none' },
]

export interface PlacedOptions {
  readonly cut: Cut
  readonly encoding: string
  readonly model: string
  readonly models?: Models
  readonly deadline?: number
  readonly window?: number
  /** Puts a hop between the cloud's preprocess and execute. */
  readonly hop?: boolean
}

/** One model, one placement: the definition that tests run whole, in halves and in thirds. */
export function placed(frames: Iterable<Frame> | AsyncIterable<Frame>, options: PlacedOptions): Pipeline {
  const { cut, encoding, model } = options
  const base = {
    models: options.models ?? catalogue(zooFolder),
    deadline: options.deadline ?? 20_000,
    window: options.window ?? 4,
  }
  const head = [capture(frames), decide(fixed({ cut, encoding, model })), preprocess(), execute()] as const
  return options.hop
    ? pipeline('placed', base, ...head, transfer(), preprocess(), hop('run'), execute())
    : pipeline('placed', base, ...head, transfer(), preprocess(), execute())
}

/** The file that runs one half of it in a process of its own. */
export const halfFile = new URL('./half.ts', import.meta.url)
export const halfPath = fileURLToPath(halfFile)
