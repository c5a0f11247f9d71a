import { BadConfiguration } from '../../../pipeline/index.ts'

/** A class of devices: how fast it computes, on the whole. */
export interface DeviceClass {
  readonly name: string
  /** Million multiply-accumulates a millisecond. */
  readonly rate: number
  /** Where the figure comes from. */
  readonly source: string
}

/** Known classes. Where a device can be measured, measure it: these are orders of magnitude. */
export const deviceClasses: readonly DeviceClass[] = [
  {
    name: 'pixel2-cpu',
    rate: 8,
    source: 'Inception v3 (5.7 GMAC) takes 697 ms on the phone of PieSlicer’s app (MIT); MobileNet 1.0 128→224 agrees',
  },
  { name: 'motox4-cpu', rate: 4.6, source: 'pixel2-cpu by PieSlicer’s preprocessing slopes, 39.1 : 68.4 ms/MB' },
  { name: 'nexus5-cpu', rate: 3, source: 'pixel2-cpu by PieSlicer’s preprocessing slopes, 39.1 : 104.0 ms/MB' },
  { name: 'tegra-k1-cpu', rate: 1.7, source: 'AlexNet (655 MMAC) takes 382 ms: Neurosurgeon, ASPLOS 2017' },
  { name: 'tegra-k1-gpu', rate: 8.1, source: 'AlexNet (655 MMAC) takes 81 ms: Neurosurgeon, ASPLOS 2017' },
  { name: 'k40-gpu', rate: 109, source: 'AlexNet (655 MMAC) takes 6 ms: Neurosurgeon, ASPLOS 2017' },
]

/**
 * The milliseconds of a model's layers on another device: the shares they have here, at the speed that the device has
 * on the whole. `this` is this machine; a number such as `4x` is this machine, so many times slower.
 * @throws BadConfiguration for a device that is not known
 */
export function onDevice(device: string, layers: readonly { readonly ms: number; readonly macs: number }[]): number[] {
  const here = layers.map(({ ms }) => ms)
  if (device === 'this') return here
  const times = /^(\d+(?:\.\d+)?)x$/.exec(device)?.[1]
  if (times !== undefined) return here.map((ms) => ms * Number(times))
  const known = deviceClasses.find(({ name }) => name === device)
  if (!known) {
    throw new BadConfiguration(
      `No device "${device}". Use this, a factor such as 4x, a profile's .json file, or one of ${deviceClasses.map(({ name }) => name).join(', ')}.`,
    )
  }
  const total = here.reduce((sum, ms) => sum + ms, 0)
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0)
  const factor = total > 0 ? macs / 1e6 / known.rate / total : 1
  return here.map((ms) => ms * factor)
}
