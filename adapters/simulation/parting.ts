import { BadConfiguration, layerOf } from '../../pipeline/index.ts'
import type { Frame } from './frame.ts'
import type { LayerCut, Scenario } from './scenario.ts'

/**
 * Where the wire parts a frame's model; undefined where it does not.
 * @throws BadConfiguration the scenario does not part that model there
 */
export function partOf({ cut, model }: Pick<Frame, 'cut' | 'model'>, { cuts }: Scenario): LayerCut | undefined {
  const layer = layerOf(cut)
  if (layer === undefined) return undefined
  const found = cuts[model ?? '']?.find((one) => one.layer === layer)
  if (found) return found
  const what = model === undefined ? 'a model that is not chosen' : `"${model}"`
  throw new BadConfiguration(
    `Nothing parts ${what} behind "${layer}". Choose one model, and a layer that the scenario's cuts name for it.`,
  )
}

/** How many times longer than usual the cloud takes, asked in order of time. */
export class CloudSlowdown {
  readonly #steps: Scenario['cloud']['slowdown']
  #begun = 0

  constructor({ slowdown }: Scenario['cloud']) {
    this.#steps = slowdown
  }

  /** Whether it ever is any slower: only then has it anything to tell. */
  get varies(): boolean {
    return this.#steps.length > 0
  }

  at(now: number): number {
    while ((this.#steps[this.#begun]?.at ?? Number.POSITIVE_INFINITY) <= now) this.#begun++
    return this.#steps[this.#begun - 1]?.factor ?? 1
  }
}
