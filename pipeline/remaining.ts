import type { Step, Timings } from './message.ts'

/** The steps of a message in the order they are taken; waiting and loading are not work. */
const steps: readonly Step[] = ['device', 'transfer', 'cloud', 'execute']
/** What was least is forgotten by so much with each message, so that a longer way is believed after a while. */
const drift = 1.01

/**
 * The least that the steps of a message took lately, on this half: what a message has before it at least, once a step is
 * done. Whatever cannot be over in less than the time that is left need not be begun.
 */
export class RemainingWork {
  readonly #least: { [S in Step]?: number } = {}

  /** A message was answered; these are its times. */
  observe(timings: Timings): void {
    for (const step of steps) {
      const ms = timings[step]
      if (ms === undefined) continue
      const least = this.#least[step]
      this.#least[step] = least === undefined ? ms : Math.min(ms, Math.max(least * drift, 0.001))
    }
  }

  /** Milliseconds that a message has before it at least when this step is done; `over`: it does not cross the wire. */
  after(step: Step, over: boolean): number {
    let sum = 0
    for (let at = steps.indexOf(step) + 1; at < steps.length; at++) {
      const next = steps[at] as Step
      if (over && next !== 'execute') continue
      sum += this.#least[next] ?? 0
    }
    return sum
  }
}
