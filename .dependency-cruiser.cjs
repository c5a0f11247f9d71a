// The one-way street: examples → adapters, stages → pipeline. Folders are entered by their index.ts alone.
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'pipeline-stands-alone',
      severity: 'error',
      from: { path: '^pipeline/' },
      to: { path: '^(stages|adapters|examples)/' },
    },
    { name: 'stages-use-ports', severity: 'error', from: { path: '^stages/' }, to: { path: '^(adapters|examples)/' } },
    { name: 'adapters-know-no-example', severity: 'error', from: { path: '^adapters/' }, to: { path: '^examples/' } },
    {
      // The Platform port has what they need of a runtime, with a web side: adapters alone know Node.
      name: 'no-node-below-adapters',
      severity: 'error',
      from: { path: '^(pipeline|stages)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'nats-client-in-one-folder',
      severity: 'error',
      from: { pathNot: '^adapters/nats/' },
      to: { path: '^node_modules/nats/' },
    },
    {
      name: 'onnxruntime-in-one-file',
      severity: 'error',
      // Behind what switches its telemetry off.
      from: { pathNot: '^(adapters/onnx/runtime\\.ts$|examples/zoo/train/)' },
      to: { path: '^node_modules/onnxruntime-' },
    },
    {
      name: 'sharp-in-one-folder',
      severity: 'error',
      from: { path: '^(pipeline|stages)/' },
      to: { path: '^node_modules/(sharp|nats|onnxruntime-)' },
    },
    {
      name: 'pipeline-by-its-door',
      severity: 'error',
      from: { path: '^(stages|adapters|examples)/' },
      to: { path: '^pipeline/', pathNot: '^pipeline/(testing/)?index\\.ts$' },
    },
    {
      name: 'stages-by-their-door',
      severity: 'error',
      from: { path: '^(adapters|examples)/' },
      to: { path: '^stages/', pathNot: '/index\\.ts$' },
    },
    {
      name: 'adapters-by-their-door',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^adapters/', pathNot: '/index\\.ts$' },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
