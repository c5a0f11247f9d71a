import { createRequire } from 'node:module'

interface Machine {
  train(samples: readonly (readonly number[])[], labels: readonly number[]): void
  predictOne(sample: readonly number[]): number
}

/** What is used of libsvm-js, which has no types of its own. */
export interface Libsvm {
  new (options: {
    readonly type: number
    readonly kernel: number
    readonly gamma: number
    readonly cost: number
    readonly epsilon: number
    readonly quiet: boolean
  }): Machine
  readonly SVM_TYPES: { readonly EPSILON_SVR: number }
  readonly KERNEL_TYPES: { readonly RBF: number }
}

/** libsvm as asm.js: its WebAssembly build says on the terminal that it cannot be streamed from a file. */
export const libsvm = createRequire(import.meta.url)('libsvm-js/asm') as Libsvm
