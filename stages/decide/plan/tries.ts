import type { DecisionRequest } from '../../../pipeline/index.ts'
import type { Appraisal } from './appraisal.ts'
import type { Forecast } from './forecast.ts'
import type { Knowledge } from './knowledge.ts'
import type { Settings } from './options.ts'
import { kind, type Paths } from './paths.ts'

/** An arm that may be better than is known, and the chance with which it is taken. */
export interface Try {
  readonly arm: number
  readonly chance: number
}

/** What is off by more than this was not seen yet, or long ago: it is tried every other message until it was. */
const unseen = 0.45
const unseenChance = 0.5
/** What is known better than this is not tried. */
const certain = 0.1
/** A try needs this share of the chance that the best has to be right and in time, its own or that of what stands in. */
const slack = 0.5

/** The chance that a path is as quick as hoped: one deviation quicker than expected. */
const hope = 0.16
/** What a try after lost messages may cost, as a share of the best's chance to be right and in time. */
const dear = 0.15
/** Milliseconds between two of those. */
const pause = 1000

/** Keeps tries small: how much they have sent, beside all that was captured. */
export class Tries {
  readonly #settings: Settings['tries']
  #captured = 0
  #sent = 0
  #reassured = Number.NEGATIVE_INFINITY

  constructor(settings: Settings['tries']) {
    this.#settings = settings
  }

  /** Counts what was captured, and what of it a try sends. */
  count(captured: number, tried: number): void {
    this.#captured += captured
    this.#sent += tried
  }

  /** Notes that a crossing was decided at local time `now`: there is news soon. */
  crossed(now: number): void {
    this.#reassured = now
  }

  /** Whether a try may send so many bytes. */
  allows(bytes: number): boolean {
    return bytes === 0 || this.#sent + bytes <= this.#settings.first + this.#settings.bytes * this.#captured
  }

  /**
   * The arm to be tried beside `best`: the one that would be worth most if its time were as short as it may be, where that
   * is more than the best is worth. If it cannot be afforded, one that teaches about the same way and can.
   */
  find(
    paths: Paths,
    forecast: Forecast,
    appraisal: Appraisal,
    best: number,
    { remaining: left, now }: DecisionRequest,
    knowledge: Knowledge,
  ): Try | undefined {
    if (this.#settings.every === Number.POSITIVE_INFINITY) return undefined
    const right = appraisal.right[best] as number
    const least = slack * right
    const { overdue } = knowledge.times.lines
    if (overdue > 0) return this.#reassure(best, overdue, now, paths, forecast, appraisal)
    let [found, most] = [-1, (appraisal.utility[best] as number) + 1e-9]
    for (let p = 0; p < paths.count; p++) {
      if (p === appraisal.path(best) || paths.kind[p] === kind.last) continue
      const hoped = this.#hoped(p, most, forecast, appraisal, left, knowledge)
      if (hoped === undefined) continue
      found = p
      most = hoped
    }
    if (found < 0) return undefined
    const doubt = forecast.doubt(found, knowledge)
    const chance = doubt > unseen ? unseenChance : 1 / this.#settings.every
    const arm =
      this.#affordable(found, least, left, forecast, appraisal) ??
      this.#substitute(found, least, left, paths, forecast, appraisal)
    if (arm === undefined || appraisal.path(arm) === appraisal.path(best)) return undefined
    // What it costs now is to come back in the messages until the next.
    const gain = hope * this.#settings.every * (most - (appraisal.utility[best] as number))
    const worth = left === Number.POSITIVE_INFINITY ? appraisal.utility : appraisal.right
    return (worth[best] as number) - (worth[arm] as number) <= gain ? { arm, chance } : undefined
  }

  /**
   * After messages that did not get through: the crossing that is the soonest to. Whether any does tells more than what the
   * best would be worth: where something stands in for it, so that it costs next to nothing, it is taken once a second; else
   * with half the chance for each more that was lost.
   */
  #reassure(
    best: number,
    overdue: number,
    now: number,
    paths: Paths,
    forecast: Forecast,
    appraisal: Appraisal,
  ): Try | undefined {
    const right = appraisal.right[best] as number
    const least = slack * right
    let found: number | undefined
    for (let p = 0; p < paths.count; p++) {
      if (!paths.crosses(p)) continue
      if (found !== undefined && (forecast.time[p] as number) >= (forecast.time[found] as number)) continue
      if (this.#affordable(p, least, Number.POSITIVE_INFINITY, forecast, appraisal) !== undefined) found = p
    }
    const arm =
      found === undefined ? undefined : this.#affordable(found, least, Number.POSITIVE_INFINITY, forecast, appraisal)
    if (arm === undefined || arm === best) return undefined
    if ((appraisal.right[arm] as number) >= (1 - dear) * right)
      return now - this.#reassured >= pause ? { arm, chance: 1 } : undefined
    return { arm, chance: Math.max(unseenChance ** overdue, 1 / this.#settings.every) }
  }

  /** What a path would be worth at best, if that is more than `most`. */
  #hoped(
    p: number,
    most: number,
    forecast: Forecast,
    appraisal: Appraisal,
    left: number,
    knowledge: Knowledge,
  ): number | undefined {
    const { backups, feasible, utility, right } = appraisal
    let arm = -1
    for (let a = p * backups; a < (p + 1) * backups; a++)
      if (feasible[a] === 1 && (arm < 0 || (utility[a] as number) > (utility[arm] as number))) arm = a
    if (arm < 0) return undefined
    const own = utility[arm] as number
    const now = forecast.chance[p] as number
    // What its own answer is worth beyond that of what stands in.
    const worth = now < 1 ? ((forecast.accuracy[p] as number) - (right[arm] as number)) / (1 - now) : 0
    // Without a deadline an answer is worth more the sooner it comes.
    const time = forecast.time[p] as number
    const spare = appraisal.timeless * time
    // Not even a sure answer at once would make it better.
    if (own + (1 - now) * worth + spare <= most) return undefined
    const doubt = forecast.doubt(p, knowledge)
    if (doubt < certain) return undefined
    // At best nothing of what is held against the way is true.
    const held = Math.log(time / (time - (forecast.uplink[p] as number) + forecast.way(p)))
    const quicker = Math.max(doubt, held)
    const sooner = spare * (1 - Math.exp(-quicker))
    const hoped = own + (forecast.within(p, Math.log(left) + quicker) - now) * worth + sooner
    return hoped > most ? hoped : undefined
  }

  #affordable(p: number, least: number, left: number, forecast: Forecast, appraisal: Appraisal): number | undefined {
    const { backups, feasible, utility, right } = appraisal
    // What would block the way for longer than a message has costs those behind it as well.
    if (!this.allows(forecast.bytes[p] as number) || forecast.way(p) > left) return undefined
    let found: number | undefined
    for (let b = 0; b < backups; b++) {
      const arm = p * backups + b
      if (feasible[arm] !== 1 || (right[arm] as number) < least) continue
      if (found === undefined || (utility[arm] as number) > (utility[found] as number)) found = arm
    }
    return found
  }

  /** Another crossing to the same place, which tells about link and cloud as well. */
  #substitute(
    p: number,
    least: number,
    left: number,
    paths: Paths,
    forecast: Forecast,
    appraisal: Appraisal,
  ): number | undefined {
    if (!paths.crosses(p)) return undefined
    let found: number | undefined
    for (let other = 0; other < paths.count; other++) {
      if (!paths.crosses(other) || paths.target[other] !== paths.target[p]) continue
      const arm = this.#affordable(other, least, left, forecast, appraisal)
      if (arm === undefined) continue
      if (found === undefined || (appraisal.utility[arm] as number) > (appraisal.utility[found] as number)) found = arm
    }
    return found
  }
}
