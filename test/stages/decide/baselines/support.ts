import type { Cut, Menu } from '../../../../pipeline/index.ts'
import type { ChainLayer } from '../../../../stages/index.ts'
import { menu, modelSet } from '../support.ts'

/** A chain whose activations shrink, and whose last layer is heavy: one cut in the middle wins on a middling link. */
export const layers: readonly ChainLayer[] = [
  { cut: 'after:conv1', kind: 'conv', macs: 20, ms: 20, bytes: 400_000 },
  { cut: 'after:pool1', kind: 'act', macs: 2, ms: 2, bytes: 100_000 },
  { cut: 'after:conv2', kind: 'conv', macs: 10, ms: 10, bytes: 60_000 },
  { cut: 'after:pool2', kind: 'act', macs: 2, ms: 2, bytes: 10_000 },
  { cut: 'after:fc1', kind: 'fc', macs: 200, ms: 200, bytes: 4_000 },
  { cut: 'answered', kind: 'fc', macs: 10, ms: 10, bytes: 0 },
]

export const models = modelSet([{ id: 'net', accuracy: 0.9, latencyMs: 244 }])
export const all: Menu = { ...menu, models: ['net'], cuts: ['captured', 'prepared', 'after:*', 'answered'] }
export const cuts: readonly Cut[] = ['captured', 'prepared', ...layers.map(({ cut }) => cut)]

/** What a message takes: the device as the reference says, the cloud ten times faster, 10 ms and so many bytes a ms. */
export function takes(cut: Cut, bytes: number, bytesPerMs: number) {
  const before = cut === 'captured' || cut === 'prepared' ? 0 : 1 + layers.findIndex((layer) => layer.cut === cut)
  const device = layers.slice(0, before).reduce((sum, { ms }) => sum + ms, 0)
  const cloud = layers.slice(before).reduce((sum, { ms }) => sum + ms / 10, 0)
  const sent = before === 0 ? bytes : (layers[before - 1] as ChainLayer).bytes
  const transfer = cut === 'answered' ? 0 : 10 + sent / bytesPerMs
  return { device, cloud, transfer, sent, total: device + cloud + transfer }
}
