/*
 * Kang et al., Neurosurgeon, ASPLOS 2017: the partition points it selected, for latency and for energy, as its authors'
 * talk shows them; columns in the order IMC VGG FACE DIG ASR POS NER CHK. `input`: all in the cloud; the last layer
 * (`argmax`, `fc3`; Kaldi's `fc7`): all on the device.
 */
const row = (points: string): readonly string[] => points.split(' ')
const tail = 'input fc3 fc3 fc3'

export const partitions: Readonly<
  Record<
    'latency' | 'energy',
    Readonly<Record<'CPU' | 'GPU', Readonly<Record<'WiFi' | 'LTE' | '3G', readonly string[]>>>>
  >
> = {
  latency: {
    CPU: {
      WiFi: row(`input input input input ${tail}`),
      LTE: row(`input input input argmax ${tail}`),
      '3G': row(`argmax input input argmax ${tail}`),
    },
    GPU: {
      WiFi: row(`pool5 input input argmax ${tail}`),
      LTE: row(`argmax argmax input argmax ${tail}`),
      '3G': row(`argmax argmax argmax argmax ${tail}`),
    },
  },
  energy: {
    CPU: {
      WiFi: row(`input input input input ${tail}`),
      LTE: row(`input input input input ${tail}`),
      '3G': row(`input input input argmax ${tail}`),
    },
    GPU: {
      WiFi: row(`input input input argmax ${tail}`),
      LTE: row(`pool5 input input argmax ${tail}`),
      '3G': row(`argmax argmax input argmax ${tail}`),
    },
  },
}

/** Against all in the cloud: means and largest over the cells (abstract of the paper). */
export const gains = {
  speedup: { mean: 3.1, most: 40.7 },
  energySaved: { mean: 59.5, most: 94.7 },
  throughput: { mean: 1.5, most: 6.7 },
} as const

/** ms of AlexNet, read in the paper's figure 1. */
export const alexnetMs = { CPU: 382, GPU: 81, server: 6 } as const
