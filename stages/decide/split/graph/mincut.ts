import { BadConfiguration } from '../../../../pipeline/index.ts'
import { FlowNetwork } from './flow.ts'

/** What one layer makes, and who reads it. */
export interface Flow {
  /** The layer that makes it; undefined for the model's input, which the device has. */
  readonly from: number | undefined
  readonly to: readonly number[]
  /** Milliseconds of carrying it over the wire, once, however many read it there; Infinity where it cannot cross. */
  readonly cost: number
}

/** A model as a graph of layers, numbered from 0 so that each stands behind what it reads, and its costs in ms. */
export interface LayerGraph {
  readonly device: readonly number[]
  readonly cloud: readonly number[]
  readonly flows: readonly Flow[]
  /** Milliseconds of crossing at all, whatever the size; nothing crosses where all runs on the device. */
  readonly perCrossing: number
}

/** Which layers run on the device, and what that costs, ms. */
export interface GraphCut {
  /** Per layer 1 where it runs on the device; holds, with a layer, all it depends on. */
  readonly head: Uint8Array
  readonly device: number
  readonly transfer: number
  readonly cloud: number
}

interface Weights {
  readonly device: number
  readonly transfer: number
  readonly cloud: number
}

/**
 * The head with the least T_device + T_transfer + T_cloud: exact, by a minimum s-t cut (DADS, Hu et al., INFOCOM 2019, light
 * load). The device is s: a layer there cuts its edge to t, its device time; a layer in the cloud cuts its edge from s,
 * its cloud time. What is read more than once gets a vertex of its own, so that it is carried once; endless edges back
 * keep a layer from running before what it depends on.
 * @throws BadConfiguration a cost below 0 or no number, or layers that are not there or out of order
 */
export function lightCut(graph: LayerGraph): GraphCut {
  check(graph)
  const found = weighted(graph, { device: 1, transfer: 1, cloud: 1 })
  const whole = allOnDevice(graph)
  return sum(found) <= sum(whole) ? found : whole
}

/** Rounds of reweighting; each is one minimum cut. */
const rounds = 32

/**
 * A head with a small max(T_device, T_transfer, T_cloud), which bounds how many messages pass in a second (DADS, heavy
 * load; to find the least is NP-hard). For weights that sum to 1 the least weighted sum is a lower bound; equal weights give
 * a head within 3 times the least. The weights then move towards what was the longest. Sums never find a head that lies
 * between two others in every weighting, so all prefixes of the layers' order are looked at, too: of a chain that is all
 * there is. The best head seen is kept.
 * @returns the head, and the largest lower bound found, ms: it is at most so far from the least
 * @throws BadConfiguration as `lightCut`
 */
export function heavyCut(graph: LayerGraph): GraphCut & { readonly atLeast: number } {
  check(graph)
  const whole = allOnDevice(graph)
  let best = shortestPrefix(graph)
  let atLeast = 0
  let weights = { device: 1 / 3, transfer: 1 / 3, cloud: 1 / 3 }
  for (let round = 0; round < rounds; round++) {
    const found = weighted(graph, weights)
    // The cut does not see the round trip, which all crossing heads pay alike and the head that holds everything does not.
    atLeast = Math.max(atLeast, Math.min(weightedSum(found, weights), weights.device * whole.device))
    if (longest(found) < longest(best)) best = found
    weights = reweighted(weights, found, 1 / (1 + round / 4))
  }
  // Rounding must not put the bound above what was found.
  return { ...best, atLeast: Math.min(atLeast, longest(best)) }
}

/** The best of the heads that are the first so many layers. */
function shortestPrefix(graph: LayerGraph): GraphCut {
  const layers = graph.device.length
  let best = allOnDevice(graph)
  for (let size = 0; size < layers; size++) {
    const one = costOf(graph, new Uint8Array(layers).fill(1, 0, size))
    if (longest(one) < longest(best)) best = one
  }
  return best
}

/** Each weight grows with its resource's share of the longest. */
function reweighted(weights: Weights, { device, transfer, cloud }: GraphCut, step: number): Weights {
  const most = Math.max(device, transfer, cloud) || 1
  const raised = {
    device: weights.device * Math.exp((step * device) / most),
    transfer: weights.transfer * Math.exp((step * transfer) / most),
    cloud: weights.cloud * Math.exp((step * cloud) / most),
  }
  const total = raised.device + raised.transfer + raised.cloud
  return { device: raised.device / total, transfer: raised.transfer / total, cloud: raised.cloud / total }
}

/** ms */
export const longest = ({ device, transfer, cloud }: GraphCut): number => Math.max(device, transfer, cloud)
/** ms */
export const sum = ({ device, transfer, cloud }: GraphCut): number => device + transfer + cloud

const weightedSum = (cut: GraphCut, weights: Weights): number =>
  weights.device * cut.device + weights.transfer * cut.transfer + weights.cloud * cut.cloud

function allOnDevice(graph: LayerGraph): GraphCut {
  return costOf(graph, new Uint8Array(graph.device.length).fill(1))
}

/** What a head costs. Infinity where something crosses that cannot. */
export function costOf({ device, cloud, flows, perCrossing }: LayerGraph, head: Uint8Array): GraphCut {
  let [before, behind, transfer] = [0, 0, 0]
  for (const [layer, here] of head.entries()) {
    if (here) before += device[layer] as number
    else behind += cloud[layer] as number
  }
  for (const { from, to, cost } of flows) {
    const here = from === undefined || head[from] === 1
    if (here && to.some((layer) => head[layer] === 0)) transfer += cost
  }
  if (head.some((here) => here === 0)) transfer += perCrossing
  return { head, device: before, transfer, cloud: behind }
}

function weighted(graph: LayerGraph, weights: Weights): GraphCut {
  const layers = graph.device.length
  const shared = graph.flows.filter(({ from, to }) => from === undefined || to.length > 1).length
  const [source, sink] = [layers, layers + 1]
  const network = new FlowNetwork(layers + 2 + shared)
  for (let layer = 0; layer < layers; layer++) {
    network.edge(source, layer, weights.cloud * (graph.cloud[layer] as number))
    network.edge(layer, sink, weights.device * (graph.device[layer] as number))
  }
  let auxiliary = layers + 2
  for (const { from = source, to, cost } of graph.flows) {
    const capacity = cost === Infinity ? Infinity : weights.transfer * cost
    // Nothing needs to hold the source back: it is on its side anyway.
    const back = from === source ? 0 : Infinity
    const [only] = to
    if (only !== undefined && to.length === 1 && from !== source) {
      network.edge(from, only, capacity, back)
      continue
    }
    network.edge(from, auxiliary, capacity)
    for (const reader of to) {
      network.edge(auxiliary, reader, Infinity)
      if (back > 0) network.edge(reader, from, back)
    }
    auxiliary++
  }
  return costOf(graph, network.minimumCut(source, sink).subarray(0, layers))
}

function check({ device, cloud, flows, perCrossing }: LayerGraph): void {
  const good = (ms: number) => ms >= 0
  const finite = (ms: number) => good(ms) && Number.isFinite(ms)
  if (device.length !== cloud.length || !device.every(finite) || !cloud.every(finite) || !finite(perCrossing)) {
    throw new BadConfiguration('Every layer of a graph needs a time of 0 ms or more on the device and in the cloud.')
  }
  const there = (layer: number) => Number.isInteger(layer) && layer >= 0 && layer < device.length
  for (const { from = -1, to, cost } of flows) {
    if (!good(cost) || !to.every((layer) => there(layer) && layer > from) || (from !== -1 && !there(from))) {
      throw new BadConfiguration(
        'What flows in a graph needs a cost of 0 ms or more, and layers that are there and stand behind what they read.',
      )
    }
  }
}
