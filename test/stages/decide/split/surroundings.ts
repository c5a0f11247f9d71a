import type { Models } from '../../../../adapters/node/index.ts'
import { type Cut, type Decider, layerOf, type Menu, type Target, World } from '../../../../pipeline/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { normal, outcome, request } from '../support.ts'

/** How things really are: bit/s, ms, and factors on the catalogue's times. */
export interface Setting {
  readonly uplink: number
  readonly rtt: number
  readonly device: number
  readonly cloud: number
  /** Load, on top of `cloud`; the node says it in its replies. */
  readonly k: number
}

export interface Passed {
  /** Messages that crossed, in all and to each named node. */
  readonly crossed: number
  readonly to: Readonly<Record<string, number>>
  /** Expected time of what was chosen, and of the best choice, summed, ms. */
  readonly ms: number
  readonly least: number
}

/** A small world in which a decider's choices have the consequences that the settings say. */
export function surroundings(
  models: Models,
  { seed, bytes, noise = 0.05 }: { readonly seed: number; readonly bytes: number; readonly noise?: number },
) {
  let now = 0
  const world = new World({ now: () => now, after: () => ({ cancel: () => {} }) })
  const random = seededRandom(seed)
  const [id] = models.ids as [string]
  const { latencyMs = 1, cuts = [], input } = models.entry(id)
  const prepared = 0.4 * input.width * input.height
  const shares = new Map<string, number>([
    ['captured', 0],
    ['prepared', 0],
    ['answered', 1],
  ])
  const sizes = new Map<string, number>([
    ['captured', bytes],
    ['prepared', prepared],
    ['answered', 0],
  ])
  for (const cut of cuts) {
    shares.set(`after:${cut.layer}`, cut.share)
    sizes.set(`after:${cut.layer}`, cut.bytes)
  }

  const parts = (cut: Cut, { uplink, rtt, device, cloud, k }: Setting) => ({
    prepares: cut === 'captured' ? 0 : 4,
    head: (shares.get(cut) as number) * latencyMs * device,
    transfer: cut === 'answered' ? 0 : ((sizes.get(cut) as number) * 8000) / uplink + rtt,
    unpacks: cut === 'captured' ? 2 : cut === 'prepared' ? 1 : 0,
    tail: (1 - (shares.get(cut) as number)) * latencyMs * cloud * k,
  })
  const total = (cut: Cut, setting: Setting) => Object.values(parts(cut, setting)).reduce((sum, ms) => sum + ms, 0)

  function messages(decider: Decider, settings: Setting | Readonly<Record<string, Setting>>, count: number): Passed {
    const nodes = ('uplink' in settings ? { only: settings } : settings) as Readonly<Record<string, Setting>>
    const names = Object.keys(nodes)
    const menu: Menu = {
      models: [id],
      cuts: ['captured', 'prepared', 'after:*', 'answered'],
      encodings: ['jpeg'],
      targets: names.length > 1 ? names.map((name): Target => `node:${name}`) : ['any'],
      backups: ['none'],
    }
    const least = Math.min(
      ...[...shares.keys()].flatMap((cut) => names.map((name) => total(cut as Cut, nodes[name] as Setting))),
    )
    const passed = { crossed: 0, to: {} as Record<string, number>, ms: 0, least: least * count }
    for (let i = 0; i < count; i++) {
      const after = decider.decide(request({ bytes, now: now }), world, menu)
      const cut = after.cuts[0] as Cut
      const node = names.length > 1 ? (after.targets[0] as string).slice('node:'.length) : (names[0] as string)
      const setting = nodes[node] as Setting
      const noisy = (ms: number) => ms * Math.exp(normal(random, 0, noise))
      const expected = parts(cut, setting)
      const [head, tail] = [noisy(expected.head), noisy(expected.tail)]
      const crosses = cut !== 'answered'
      passed.ms += total(cut, setting)
      if (crosses) {
        passed.crossed++
        passed.to[node] = (passed.to[node] ?? 0) + 1
        world.set('cloud', { node, pending: 0, capacity: 8, slowdown: setting.k }, node)
      }
      const taken = outcome(
        { model: id, cut },
        {
          ...(cut === 'captured' ? {} : { device: noisy(expected.prepares) }),
          execute: head + tail,
          ...(layerOf(cut) === undefined ? {} : { head }),
          ...(crosses ? { transfer: noisy(expected.transfer), cloud: noisy(expected.unpacks) } : {}),
        },
        {
          bytes,
          now: now,
          ...(crosses ? { crossing: { at: cut, bytes: sizes.get(cut) as number, node } } : {}),
        },
      )
      decider.observe?.(taken, world)
      now += 100
    }
    return passed
  }

  /** What a probe of the boundary leaves behind. */
  function probe({ uplink, rtt, k }: Setting): void {
    now += 6000
    world.set('link', { uplink, rtt }, 'probe')
    world.set('cloud', { node: 'only', pending: 0, capacity: 8, slowdown: k }, 'probe')
  }

  return { world, messages, probe }
}
