import { anyLayer, type Cut, type DecisionRequest, type Menu } from '../../../pipeline/index.ts'
import type { CatalogueEntry, Models } from '../../manage/index.ts'
import { guessedRun } from '../estimate/guess.ts'

/** Kinds of layers, as ANS and MAUI tell them apart: convolutions, fully connected ones, and all others. */
export type LayerKind = 'conv' | 'fc' | 'act'

/** A layer of a chain, or several that no cut parts. */
export interface ChainLayer {
  /** Right behind it: `after:LAYER`, of the last one `answered`. */
  readonly cut: Cut
  readonly kind: LayerKind
  /** Multiply-accumulates, or their share. */
  readonly macs: number
  /** Milliseconds for reference. */
  readonly ms: number
  /** Bytes that cross behind it. */
  readonly bytes: number
}

/** Where layers come from: by default the catalogue's cuts, their kinds told by their names. */
export type Layers = (model: string) => readonly ChainLayer[]

/** The kinds in the order of features. */
export const kinds: readonly LayerKind[] = ['conv', 'fc', 'act']

/** Layers as a catalogue entry lists its cuts; a model without cuts is one layer. */
export function layersOf(entry: CatalogueEntry): ChainLayer[] {
  const [macs, ms] = [entry.macs ?? 1, guessedRun(entry)]
  let before = 0
  const between = (cut: Cut, name: string, share: number, bytes: number): ChainLayer => {
    const own = Math.max(0, share - before)
    before = share
    return { cut, kind: kindOf(name), macs: own * macs, ms: own * ms, bytes }
  }
  const layers = (entry.cuts ?? []).map(({ layer, share, bytes }) => between(`after:${layer}`, layer, share, bytes))
  return [...layers, between('answered', layers.length === 0 ? 'conv' : 'fc', 1, 0)]
}

function kindOf(name: string): LayerKind {
  if (/conv/i.test(name)) return 'conv'
  return /fc|gemm|matmul|linear|dense|classifier/i.test(name) ? 'fc' : 'act'
}

/** A model as a chain: what lies before and behind each of its cuts, the input (0) and the answer (last) included. */
export class ModelChain {
  readonly layers: readonly ChainLayer[]
  /** Behind layer i − 1; at 0 `prepared`. */
  readonly cuts: readonly Cut[]
  readonly #index: ReadonlyMap<Cut, number>
  readonly #ms: Float64Array

  constructor(layers: readonly ChainLayer[]) {
    this.layers = layers
    this.cuts = ['prepared', ...layers.map(({ cut }) => cut)]
    this.#index = new Map<Cut, number>([['captured', 0], ...this.cuts.map((cut, i) => [cut, i] as const)])
    this.#ms = new Float64Array(layers.length + 1)
    layers.forEach(({ ms }, i) => {
      this.#ms[i + 1] = (this.#ms[i] as number) + ms
    })
  }

  /** Milliseconds of the first so many layers, for reference. */
  reference(before: number): number {
    return this.#ms[before] as number
  }

  /** Bytes that cross behind so many layers, at least one. */
  bytes(before: number): number {
    return (this.layers[before - 1] as ChainLayer).bytes
  }

  /** How many layers lie before a cut; undefined for one that there is not. */
  before(cut: Cut): number | undefined {
    return this.#index.get(cut)
  }
}

/** The chains of models, made when first asked for. */
export class Chains {
  readonly #chains = new Map<string, ModelChain>()
  readonly #layers: Layers

  constructor(models: () => Models, layers?: Layers) {
    this.#layers = layers ?? ((model) => layersOf(models().entry(model)))
  }

  /** @throws UnknownModel */
  of(model: string): ModelChain {
    let chain = this.#chains.get(model)
    if (!chain) {
      chain = new ModelChain(this.#layers(model))
      this.#chains.set(model, chain)
    }
    return chain
  }
}

/** One cut on the menu, and how many layers lie before it. */
export interface Offered {
  readonly cut: Cut
  readonly before: number
}

/** The cuts of a chain that are on the menu and ahead of the payload, in the order of the chain. Made once per menu. */
export class OfferedCuts {
  #of: readonly [ModelChain, Menu['cuts']] | undefined
  #offered: readonly Offered[] = []

  of(chain: ModelChain, cuts: Menu['cuts'], at: DecisionRequest['at']): readonly Offered[] {
    if (this.#of?.[0] !== chain || this.#of[1] !== cuts) {
      const any = cuts.includes(anyLayer)
      const whole = cuts.includes('captured') ? [{ cut: 'captured' as const, before: 0 }] : []
      const rest = chain.cuts
        .map((cut, before) => ({ cut, before }))
        .filter(({ cut }) => cuts.includes(cut) || (any && cut.startsWith('after:')))
      this.#offered = [...whole, ...rest]
      this.#of = [chain, cuts]
    }
    return at === 'captured' ? this.#offered : this.#offered.filter(({ cut }) => cut !== 'captured')
  }
}
