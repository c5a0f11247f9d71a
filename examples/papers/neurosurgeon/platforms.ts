import { radios } from '../../../stages/decide/index.ts'
import type { Kind, Layer } from './layers.ts'

/**
 * A processor, by what bounds a layer: time = macs ÷ rate + bytes ÷ bandwidth + pieces · start + a constant per layer.
 * Convolutions and products of matrices are bound by the rate, products with a vector and what only touches values by the
 * memory. A product with few rows leaves part of a wide processor idle.
 */
export interface Processor {
  readonly name: string
  /** Giga multiply-accumulates a second in convolutions and matrix products. */
  readonly rate: number
  /** Rows of a product that keep all of it busy. */
  readonly rows: number
  /** GB/s of weights and values; for the weights of locally connected layers; for normalisation over channels. */
  readonly bandwidth: number
  readonly localBandwidth: number
  readonly normBandwidth: number
  /** ms to lay out and start each product of a convolution. */
  readonly start: number
  /** ms per layer. */
  readonly perLayer: number
  /** mW while it computes; of the board. */
  readonly power: number
  readonly source: string
}

/** One set for all cells; no cell has a parameter of its own. Powers are those of the whole board. */
export const processors = {
  CPU: {
    name: 'Tegra K1, four Cortex-A15 at 2.3 GHz',
    rate: 2.75,
    rows: 4,
    bandwidth: 2.6,
    localBandwidth: 0.2,
    normBandwidth: 0.3,
    start: 0.8,
    perLayer: 0.05,
    power: 8000,
    source:
      'assumed: 7 % of 36.8 peak GMAC/s and 17 % of 14.9 GB/s, so that AlexNet takes 382 ms (recalled); local weights 83 KB apart',
  },
  GPU: {
    name: 'Tegra K1, Kepler with 192 cores',
    rate: 36,
    rows: 96,
    bandwidth: 6,
    localBandwidth: 0.75,
    normBandwidth: 0.5,
    start: 0.1,
    perLayer: 0.4,
    power: 8000,
    source: 'assumed: 20 % of 182 peak GMAC/s and 40 % of 14.9 GB/s, so that AlexNet takes 81 ms (recalled)',
  },
  server: {
    name: 'Tesla K40',
    rate: 1000,
    rows: 96,
    bandwidth: 150,
    localBandwidth: 15,
    normBandwidth: 50,
    start: 0.01,
    perLayer: 0.1,
    power: 0,
    source: 'assumed: 47 % of 2,145 peak GMAC/s and 52 % of 288 GB/s, so that AlexNet takes 6 ms (recalled)',
  },
} as const satisfies Readonly<Record<string, Processor>>

/** Uplinks, bit/s, from what Neurosurgeon took for 152 KB: 95, 180 and 870 ms (recalled); radios by JointDNN. */
export const links = {
  WiFi: { uplink: 12.8e6, radio: radios.wifi },
  LTE: { uplink: 6.76e6, radio: radios['4g'] },
  '3G': { uplink: 1.4e6, radio: radios['3g'] },
} as const

/** ms of a layer. */
export function layerMs(layer: Layer, on: Processor): number {
  const values = (layer.inBytes + layer.outBytes) / 1e6
  const bandwidth: Readonly<Record<Kind, number>> = {
    conv: on.bandwidth,
    dense: on.bandwidth,
    local: on.localBandwidth,
    norm: on.normBandwidth,
    other: on.bandwidth,
  }
  return (
    layer.macs / (on.rate * 1e6 * (layer.kind === 'conv' ? Math.min(1, layer.rows / on.rows) : 1)) +
    (layer.weights / 1e6 + values) / bandwidth[layer.kind] +
    (layer.kind === 'conv' ? layer.pieces * on.start : 0) +
    on.perLayer
  )
}
