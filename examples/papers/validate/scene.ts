import { constantRate, steps } from '../../../adapters/link/index.ts'
import type { ScenarioInput } from '../../../adapters/simulation/index.ts'

const cv = { kind: 'lognormal', cv: 0.1 } as const

/** ms from one frame to the next. */
export const pause = 600

/**
 * What is simulated and then really run: a phone that may prepare, a link that changes every few seconds, a cloud with two
 * executors. Everything takes so long that it hardly matters when a busy machine's timers fire.
 */
export const scene: ScenarioInput = {
  name: 'validation',
  deadline: 1200,
  captures: {
    arrive: { kind: 'every', ms: pause },
    bytes: { kind: 'uniform', from: 2e4, to: 12e4 },
    preparedBytes: 2e4,
  },
  device: { prepare: { ms: 160, perMegabyte: 1200, variation: cv } },
  link: {
    kind: 'rates',
    up: steps([
      { at: 0, bitsPerSecond: 2e6 },
      { at: 8000, bitsPerSecond: 1.2e6 },
      { at: 14_000, bitsPerSecond: 3e6 },
      { at: 18_000, bitsPerSecond: 1.5e6 },
    ]),
    down: constantRate(20e6),
    delay: 80,
  },
  cloud: {
    prepare: { ms: 20, perMegabyte: 400, variation: cv },
    models: { one: { ms: 240, variation: cv } },
    executors: 2,
  },
  accuracy: { one: 0.8 },
}
