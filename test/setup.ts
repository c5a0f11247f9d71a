import { pathToFileURL } from 'node:url'
import { vi } from 'vitest'
import { program } from './support/program.ts'

// Executors are programs: they run compiled, as all programs that tests start.
vi.mock(
  '../adapters/onnx/entry.ts',
  () => import(pathToFileURL(program(new URL('../adapters/onnx/entry.ts', import.meta.url))).href),
)
