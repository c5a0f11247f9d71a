import type { Cut, Plan } from '../../../../pipeline/index.ts'
import { type LogEntry, logVersion } from '../../../../stages/index.ts'
import { menu, normal, outcome, request } from '../support.ts'

/** An environment of which everything is known: two ways, pictures of many sizes, times with some noise. */
export const deadline = 200

/** Chance that a logged decision sends the picture as it is: large ones seldom, so that size and way go together. */
export const sendsAsIs = (bytes: number) => (bytes < 5e5 ? 0.85 : 0.2)

export const expectedMs = (cut: Cut, bytes: number) =>
  cut === 'captured' ? 40 + (250 * bytes) / 1e6 : 110 + (40 * bytes) / 1e6

export function picture(random: () => number): number {
  return Math.round(5e4 + random() * 9e5)
}

export const took = (cut: Cut, bytes: number, random: () => number) =>
  Math.max(1, normal(random, expectedMs(cut, bytes), 25))

/** What a policy, by its cut for each size, has in truth: the mean over so many decisions. */
export function truth(policy: (bytes: number) => Cut, random: () => number, n = 400_000) {
  let [onTime, latency, sent] = [0, 0, 0]
  for (let i = 0; i < n; i++) {
    const bytes = picture(random)
    const cut = policy(bytes)
    const ms = took(cut, bytes, random)
    if (ms <= deadline) onTime++
    latency += ms
    sent += cut === 'captured' ? bytes : 20_000
  }
  return { onTime: onTime / n, latency: latency / n, bytes: sent / n }
}

/**
 * A log of so many decisions of the stochastic policy, each with its outcome behind it.
 * @param told whether it says with which chance each way was taken
 */
export function* log(n: number, random: () => number, told = true): Generator<readonly LogEntry[]> {
  for (let i = 0; i < n; i++) {
    const bytes = picture(random)
    const p = sendsAsIs(bytes)
    const cut = random() < p ? 'captured' : 'prepared'
    const ms = took(cut, bytes, random)
    const now = i * 300
    const plan: Plan = { cut, model: 'a' }
    yield [
      {
        version: logVersion,
        type: 'decision',
        by: 'drawn',
        ...request({ id: `m${i}`, bytes, now, deadline }),
        world: {},
        menu,
        left: { cuts: [cut] },
        explanations: told
          ? [
              {
                decider: 'drawn',
                weighed: [
                  { choice: { cut: 'captured' }, propensity: p },
                  { choice: { cut: 'prepared' }, propensity: 1 - p },
                ],
                chosen: cut === 'captured' ? 0 : 1,
              },
            ]
          : [],
      },
      {
        version: logVersion,
        type: 'outcome',
        by: 'drawn',
        ...outcome(
          plan,
          { transfer: ms },
          {
            id: `m${i}`,
            bytes,
            now: now + ms,
            score: 0.8,
            onTime: ms <= deadline,
            crossing: { at: cut, bytes: cut === 'captured' ? bytes : 20_000 },
          },
        ),
      },
    ]
  }
}
