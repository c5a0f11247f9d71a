import type { Route } from '../context.ts'
import { BadConfiguration } from '../errors.ts'
import type { Side } from '../message.ts'
import type { StageDefinition } from '../stage.ts'
import type { Link } from './chain.ts'

/** What stands between two boundaries: one process runs all of it. */
export interface Segment {
  /** `capture`, `cloud` (below the wire), or the name of the hop above it. */
  readonly name: string
  readonly side: Side
  /** The hop its messages come over; undefined: the wire, or the source. */
  readonly hop: string | undefined
  /** Its stages; the last one is the boundary below it, if there is one. */
  readonly links: readonly Link[]
}

/**
 * Cuts a pipeline at its boundaries.
 * @throws BadConfiguration two wires, two hops of one name
 */
export function segments(links: readonly Link[]): readonly Segment[] {
  const found: Segment[] = []
  let current: Link[] = []
  let entry: NonNullable<StageDefinition['boundary']> | undefined
  let side: Side = 'device'
  const close = () => {
    const hop = entry?.kind === 'hop' ? entry.hop : undefined
    found.push({ name: entry === undefined ? 'capture' : (hop ?? 'cloud'), side, hop, links: current })
    current = []
  }
  for (const link of links) {
    current.push(link)
    const boundary = link.definition?.boundary
    if (!boundary) continue
    close()
    if (boundary.kind === 'wire') {
      if (side === 'cloud')
        throw new BadConfiguration(
          'A pipeline has one wire. Remove the second transfer(); use hop(name) below the first.',
        )
      side = 'cloud'
    }
    entry = boundary
  }
  close()
  const names = found.map((segment) => segment.name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice)
    throw new BadConfiguration(
      `Two boundaries are called "${twice}". Give each hop a name of its own ("capture" and "cloud" are taken).`,
    )
  return found
}

/** What the device's half can do. */
export function routeOf(parts: readonly Segment[]): Route {
  const device = parts.filter((segment) => segment.side === 'device').flatMap((segment) => segment.links)
  const able = (ability: StageDefinition['ability']) => device.some((link) => link.definition?.ability === ability)
  return {
    wire: parts.some((segment) => segment.side === 'cloud'),
    prepares: able('prepare'),
    executes: able('execute'),
  }
}
