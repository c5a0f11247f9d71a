import { fileURLToPath } from 'node:url'
import {
  capture,
  catalogue,
  decide,
  execute,
  type Frame,
  fixed,
  type Pipeline,
  pipeline,
  preprocess,
  transfer,
} from '../../adapters/node/index.ts'
import { commandLine, positive } from '../program.ts'
import { zooFolder } from '../zoo/index.ts'

/** The model that answers, in whichever half. */
export const model = 'large'

/** The one definition that the device and every cloud worker run their half of. */
export function things(frames: AsyncIterable<Frame> | Iterable<Frame> = []): Pipeline {
  return pipeline(
    'things',
    { models: catalogue(zooFolder), deadline: 10_000, window: 4, order: 'none' },
    capture(frames),
    decide(fixed({ cut: 'prepared', model, encoding: 'jpeg' })),
    preprocess(),
    transfer(),
    preprocess(),
    execute({ warm: [model] }),
  )
}

/** A file of this folder, as it runs: from source or compiled. */
export const beside = (name: string) => fileURLToPath(new URL(`./${name}${import.meta.url.slice(-3)}`, import.meta.url))

/** What the device takes on its command line. @throws BadConfiguration */
export function deviceOptions(): { readonly count: number; readonly json: boolean } {
  const { count, json } = commandLine({
    count: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  })
  return { count: Math.ceil(positive('count', count)), json }
}
