import type { Paper } from './paper.ts'

/** The papers by name, each loaded when it is run. */
export const papers: Readonly<Record<string, () => Promise<Paper>>> = {
  pieslicer: async () => ({
    title: 'PieSlicer: where is a picture prepared?',
    run: (await import('./pieslicer/index.ts')).pieslicer,
  }),
  mdinference: async () => ({
    title: 'MDInference and ModiPick: which model answers?',
    run: (await import('./mdinference/index.ts')).mdinference,
  }),
  neurosurgeon: async () => ({
    title: 'Neurosurgeon: behind which layer does the wire cross?',
    run: (await import('./neurosurgeon/index.ts')).neurosurgeon,
  }),
  layercake: async () => ({
    title: 'LayerCake: device or cloud, under one deadline each',
    run: (await import('./layercake/index.ts')).layercake,
  }),
  modi: async () => ({
    title: 'MODI: edge or device, and cascades on a phone',
    run: (await import('./modi/index.ts')).modi,
  }),
  ours: async () => ({
    title: 'The joint planner beside all of them',
    run: (await import('./ours/index.ts')).ours,
  }),
  'edge-models': async () => ({
    title: 'CremeBrulee: many models at the edge, little memory',
    run: (await import('./edge-models/index.ts')).edgeModels,
  }),
}

/** Those that take longest: what is begun first is waited for least. */
export const longest: readonly string[] = ['ours', 'mdinference', 'pieslicer', 'edge-models']
