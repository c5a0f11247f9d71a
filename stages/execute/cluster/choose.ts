import { hashOfName } from '../../../pipeline/index.ts'
import type { Presence } from './announcement.ts'

/** What a node may always have before it counts as loaded, since a few say nothing: messages, and models of this size. */
const few = { pending: 32, models: 8 }

export interface ChoiceOptions {
  /** How far above the mean a node may be. */
  readonly bound: number
  /** Bytes that the model will take. */
  readonly bytes: number
  /** 0 ≤ x < 1. */
  readonly random: () => number
}

/**
 * The node that a model is loaded on: the first in the key's own order of nodes (highest random weight; Thaler and
 * Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM ToN 6(1), 1998) whose bytes and messages stay
 * within the bound of the mean (Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018).
 * So every node that looks at the same figures finds the same one, and few models move when one comes or goes. Where
 * none is within both bounds: of two at random the one with fewer messages.
 *
 * @returns undefined without nodes
 */
export function chooseNode(key: string, nodes: readonly Presence[], options: ChoiceOptions): string | undefined {
  const { bound, bytes, random } = options
  const most = {
    bytes: Math.max(
      few.models * bytes,
      (bound * (nodes.reduce((sum, node) => sum + node.bytes, 0) + bytes)) / nodes.length,
    ),
    pending: Math.max(few.pending, (bound * (nodes.reduce((sum, node) => sum + node.pending, 0) + 1)) / nodes.length),
  }
  const fitting = ranked(key, nodes).find((node) => node.bytes < most.bytes && node.pending < most.pending)
  if (fitting !== undefined) return fitting.node
  const draw = () => nodes[Math.floor(random() * nodes.length)]
  const [one, other] = [draw(), draw()]
  return (one && other && other.pending < one.pending ? other : one)?.node
}

/** The first in the key's own order of nodes, whatever they have to do. */
export function homeNode(key: string, nodes: readonly [Presence, ...Presence[]]): string {
  return (ranked(key, nodes)[0] as Presence).node
}

/** By descending weight: every key's own order. */
function ranked(key: string, nodes: readonly Presence[]): readonly Presence[] {
  return nodes
    .map((node) => ({ node, weight: weight(key, node.node) }))
    .sort((a, b) => b.weight - a.weight || (a.node.node < b.node.node ? -1 : 1))
    .map(({ node }) => node)
}

/** Uniform on 0 … 2⁴⁸ − 1, and independent for each pair. */
function weight(key: string, node: string): number {
  const hash = hashOfName(`${key} ${node}`)
  const view = new DataView(hash.buffer, hash.byteOffset)
  return view.getUint32(0) * 2 ** 16 + view.getUint16(4)
}
