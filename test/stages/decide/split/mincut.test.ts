import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadConfiguration } from '../../../../pipeline/index.ts'
import {
  costOf,
  type Flow,
  heavyCut,
  type LayerGraph,
  lightCut,
  longest,
  sum,
} from '../../../../stages/decide/split/graph/index.ts'

const ms = fc.double({ min: 0, max: 10, noNaN: true })

/** Up to nine layers, each reading some of those before it, or the input. */
const graphs: fc.Arbitrary<LayerGraph> = fc.integer({ min: 1, max: 9 }).chain((layers) =>
  fc
    .record({
      device: fc.array(ms, { minLength: layers, maxLength: layers }),
      cloud: fc.array(ms, { minLength: layers, maxLength: layers }),
      costs: fc.array(fc.oneof({ weight: 9, arbitrary: ms }, { weight: 1, arbitrary: fc.constant(Infinity) }), {
        minLength: layers + 1,
        maxLength: layers + 1,
      }),
      reads: fc.array(fc.array(fc.integer({ min: -1, max: layers - 1 }), { minLength: 1, maxLength: 3 }), {
        minLength: layers,
        maxLength: layers,
      }),
      perCrossing: fc.oneof(fc.constant(0), ms),
    })
    .map(({ device, cloud, costs, reads, perCrossing }) => {
      const to = new Map<number, Set<number>>()
      for (const [layer, from] of reads.entries())
        for (const one of from) {
          // Only layers before it, so that the graph has no circle.
          const before = one < layer ? one : -1
          to.set(before, (to.get(before) ?? new Set()).add(layer))
        }
      const flows = [...to].map(
        ([from, readers]): Flow => ({
          from: from < 0 ? undefined : from,
          to: [...readers],
          cost: costs[from + 1] as number,
        }),
      )
      return { device, cloud, flows, perCrossing }
    }),
)

/** Every head that holds with a layer all it depends on. */
function* heads({ device, flows }: LayerGraph): Generator<Uint8Array> {
  const layers = device.length
  for (let mask = 0; mask < 1 << layers; mask++) {
    const head = Uint8Array.from({ length: layers }, (_, layer) => (mask >> layer) & 1)
    if (flows.every(({ from, to }) => from === undefined || head[from] === 1 || to.every((one) => head[one] === 0)))
      yield head
  }
}

const least = (graph: LayerGraph, of: typeof sum) =>
  Math.min(...[...heads(graph)].map((head) => of(costOf(graph, head))))
const near = (value: number, other: number) => Math.abs(value - other) <= 1e-9 * (1 + Math.abs(other))

describe('lightCut', () => {
  test('equals brute force over predecessor-closed sets on 1,000 random graphs', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const found = lightCut(graph)
        expect(near(sum(found), least(graph, sum))).toBe(true)
        expect([...heads(graph)].some((head) => head.every((here, layer) => here === found.head[layer]))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test('carries what is read twice once', () => {
    const graph: LayerGraph = {
      device: [1, 9, 9],
      cloud: [9, 1, 1],
      flows: [
        { from: undefined, to: [0], cost: 100 },
        { from: 0, to: [1, 2], cost: 5 },
      ],
      perCrossing: 0,
    }
    expect(lightCut(graph)).toMatchObject({ device: 1, transfer: 5, cloud: 2 })
  })

  test('crosses only where that is worth the round trip', () => {
    const graph = (perCrossing: number): LayerGraph => ({
      device: [1, 10],
      cloud: [1, 1],
      flows: [
        { from: undefined, to: [0], cost: 20 },
        { from: 0, to: [1], cost: 2 },
      ],
      perCrossing,
    })
    expect(lightCut(graph(6)).head).toEqual(Uint8Array.of(1, 0))
    expect(lightCut(graph(8)).head).toEqual(Uint8Array.of(1, 1))
  })

  test('never parts what cannot cross', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        expect(Number.isFinite(sum(lightCut(graph)))).toBe(true)
        expect(Number.isFinite(longest(heavyCut(graph)))).toBe(true)
      }),
    )
  })

  test('refuses costs that are none, and layers that are not there', () => {
    const graph: LayerGraph = { device: [1], cloud: [1], flows: [], perCrossing: 0 }
    expect(() => lightCut({ ...graph, device: [-1] })).toThrow(BadConfiguration)
    expect(() => lightCut({ ...graph, cloud: [] })).toThrow(/device and in the cloud/)
    expect(() => heavyCut({ ...graph, flows: [{ from: 0, to: [7], cost: 1 }] })).toThrow(/layers that are there/)
    expect(() => lightCut({ ...graph, flows: [{ from: 0, to: [0], cost: 1 }] })).toThrow(/behind what they read/)
  })
})

describe('heavyCut', () => {
  test('is between its lower bound and three times the least, on 1,000 random graphs', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const found = heavyCut(graph)
        const best = least(graph, longest)
        expect(found.atLeast).toBeLessThanOrEqual(best * (1 + 1e-9) + 1e-9)
        expect(longest(found)).toBeGreaterThanOrEqual(best - 1e-9)
        expect(longest(found)).toBeLessThanOrEqual(3 * best + 1e-9)
        expect([...heads(graph)].some((head) => head.every((here, layer) => here === found.head[layer]))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test('balances device and cloud where the sum would leave all to one', () => {
    const graph: LayerGraph = {
      device: [4, 4],
      cloud: [3, 3],
      flows: [
        { from: undefined, to: [0], cost: 0 },
        { from: 0, to: [1], cost: 2 },
      ],
      perCrossing: 0,
    }
    expect(lightCut(graph).head).toEqual(Uint8Array.of(0, 0))
    expect(longest(heavyCut(graph))).toBe(4)
  })
})
