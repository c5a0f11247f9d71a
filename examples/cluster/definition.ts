import { fileURLToPath } from 'node:url'
import {
  amend,
  capture,
  catalogue,
  decide,
  evolve,
  execute,
  type Frame,
  fixed,
  type Pipeline,
  pipeline,
  preprocess,
  transfer,
} from '../../adapters/node/index.ts'
import { zooFolder } from '../zoo/index.ts'

/** The models that are asked for, in turn. */
export const asked = ['nano', 'small', 'medium', 'large', 'small-int8', 'medium-int8'] as const

/** The one definition that the device and every node run their half of. */
export function sharing(frames: AsyncIterable<Frame> | Iterable<Frame> = []): Pipeline {
  return pipeline(
    'sharing',
    { models: catalogue(zooFolder), deadline: 10_000, window: 8, order: 'none' },
    capture(frames),
    decide(fixed({ cut: 'captured', encoding: 'original' })),
    // A model for each picture, so that there is more to hold than one node has room for.
    amend('ask', (message) =>
      evolve(message, { plan: { ...message.plan, model: asked[message.seq % asked.length] as string } }),
    ),
    transfer(),
    preprocess(),
    execute({ cluster: true, memory: 32 * 1024 * 1024 }),
  )
}

/** A file of this folder, as it runs: from source or compiled. */
export const beside = (name: string) => fileURLToPath(new URL(`./${name}${import.meta.url.slice(-3)}`, import.meta.url))
