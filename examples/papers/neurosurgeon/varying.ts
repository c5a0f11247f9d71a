import { modelsOfFigures } from '../../../adapters/simulation/index.ts'
import { type Cut, type DecisionRequest, layerOf, type Menu, type Outcome, World } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { type CutCosts, split } from '../../../stages/decide/index.ts'
import type { Models } from '../../../stages/index.ts'
import { type Row, row } from '../rows.ts'
import { asStated, networkCosts } from './cells.ts'
import { networks } from './networks.ts'

const messages = 4000
/** ms between pictures. */
const apart = 250
/** Messages before anything is counted. */
const learning = 50

/**
 * AlexNet on the GPU while its uplink wanders between 0.5 and 30 Mbit/s, and while the server's load K does between 1 and
 * 20: the decider itself, learning from what happens, beside fixed rules and the best choice known beforehand.
 */
export function varyingRows(): Row[] {
  return [
    ...run('bandwidth varies', (wander) => ({ uplink: 1e6 * 0.5 * 60 ** wander, load: 1 }), 11),
    ...run('load varies', (wander) => ({ uplink: 12.8e6, load: 20 ** wander }), 12),
  ]
}

interface Conditions {
  readonly uplink: number
  readonly load: number
}

function run(what: string, conditions: (wander: number) => Conditions, seed: number): Row[] {
  const network = networks[0] as (typeof networks)[number]
  const costs = networkCosts(network, asStated.device.GPU, asStated.server)
  const models = described(network.name, costs)
  const random = seededRandom(seed)
  let now = 0
  const world = new World({ now: () => now, after: () => ({ cancel: () => {} }) })
  const decider = split({ models })
  const menu: Menu = {
    models: [network.name],
    cuts: ['captured', 'after:*', 'answered'],
    encodings: ['float32'],
    targets: ['any'],
    backups: ['none'],
  }
  const last = costs.cuts.length - 1
  const indexOf = (cut: Cut) => (cut === 'captured' ? 0 : cut === 'answered' ? last : (costs.indexOf(cut) as number))
  const sums = { ours: 0, best: 0, cloud: 0, device: 0 }
  let wander = 0.5
  let target = 0.5
  for (let i = 0; i < messages; i++) {
    // A new level now and then, reached step by step.
    if (random() < 0.01) target = random()
    wander += 0.2 * (target - wander)
    const { uplink, load } = conditions(wander)
    const transferOf = (j: number) => (j === last ? 0 : ((costs.bytes[j] as number) * 8000) / uplink)
    const msOf = (j: number) => (costs.before[j] as number) + transferOf(j) + (costs.behind[j] as number) * load
    const [cut] = decider.decide(request(i, network.inputBytes, now), world, menu).cuts as readonly [Cut]
    const j = indexOf(cut)
    if (i >= learning) {
      sums.ours += msOf(j)
      sums.best += Math.min(...costs.cuts.map((_, at) => msOf(at)))
      sums.cloud += msOf(0)
      sums.device += msOf(last)
    }
    const noisy = (ms: number) => ms * (0.9 + 0.2 * random())
    const [head, transfer, tail] = [
      noisy(costs.before[j] as number),
      noisy(transferOf(j)),
      noisy((costs.behind[j] as number) * load),
    ]
    if (j !== last) world.set('cloud', { node: 'server', pending: 0, capacity: 8, slowdown: load }, 'server')
    decider.observe?.(
      outcome(cut, network.name, now, {
        bytes: costs.bytes[j] as number,
        head,
        transfer,
        tail,
        latency: head + transfer + tail,
        captured: network.inputBytes,
      }),
      world,
    )
    now += apart
    // A probe of the link after five seconds in which nothing crossed.
    if (now - (world.get('link')?.at ?? 0) >= 5000) {
      world.set('link', { uplink, rtt: 0 }, 'probe')
      world.set('cloud', { node: 'server', pending: 0, capacity: 8, slowdown: load }, 'probe')
    }
  }
  const counted = messages - learning
  const table = `Neurosurgeon: AlexNet on the GPU, ${what}`
  return [
    row(table, 'split(), learning (ms)', sums.ours / counted),
    row(table, 'best known beforehand (ms)', sums.best / counted),
    row(table, 'all in the cloud (ms)', sums.cloud / counted),
    row(table, 'all on the device (ms)', sums.device / counted),
    row(table, 'split() by the best (×)', sums.ours / sums.best, { aim: { atMost: 1.05 } }),
    row(table, 'split() by the better fixed rule (×)', sums.ours / Math.min(sums.cloud, sums.device), {
      aim: { atMost: 1 },
    }),
  ]
}

/** The network as a catalogue would describe it: shares of its time on a server, not on this device. */
function described(id: string, costs: CutCosts): Models {
  const whole = costs.behind[0] as number
  const cuts = costs.cuts.slice(1, -1).map((cut, i) => ({
    layer: layerOf(cut) as string,
    bytes: costs.bytes[i + 1] as number,
    share: Math.min(1, 1 - (costs.behind[i + 1] as number) / whole),
  }))
  return modelsOfFigures([{ id, accuracy: 0.57, mean: whole, width: 227, height: 227, cuts }])
}

function request(seq: number, bytes: number, now: number): DecisionRequest {
  return {
    id: `${seq}`,
    source: 'phone.camera',
    seq,
    side: 'device',
    at: 'captured',
    bytes,
    width: undefined,
    height: undefined,
    elapsed: 0,
    remaining: Number.POSITIVE_INFINITY,
    deadline: Number.POSITIVE_INFINITY,
    way: undefined,
    now,
    plan: {},
    attempt: 1,
    tried: [],
  }
}

interface Happened {
  readonly bytes: number
  readonly head: number
  readonly transfer: number
  readonly tail: number
  readonly latency: number
  readonly captured: number
}

function outcome(cut: Cut, model: string, now: number, happened: Happened): Outcome {
  const crosses = cut !== 'answered'
  const { bytes, head, transfer, tail, latency, captured } = happened
  return {
    id: 'm',
    side: 'device',
    now,
    kind: 'message',
    attempt: 1,
    settled: true,
    score: undefined,
    plan: { cut, model },
    timings: {
      execute: head + tail,
      ...(layerOf(cut) === undefined ? {} : { head }),
      ...(crosses ? { transfer } : {}),
    },
    crossing: crosses ? { at: cut, encoding: 'float32', bytes, node: 'server' } : undefined,
    way: undefined,
    bytes: captured,
    width: undefined,
    height: undefined,
    latency,
    onTime: true,
    error: undefined,
  }
}
