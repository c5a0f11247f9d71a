import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**', '**/node_modules/**'],
    globalSetup: ['test/global-setup.ts'],
    setupFiles: ['test/setup.ts'],
    pool: 'forks',
    // For tests that load the ONNX runtime by themselves, to compare with.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    // Much of the time of the tests with processes and servers is waiting.
    maxWorkers: '100%',
    testTimeout: 90_000,
    hookTimeout: 90_000,
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
  },
})
