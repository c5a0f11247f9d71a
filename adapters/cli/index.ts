export type { Output } from './output.ts'
export { run } from './program.ts'
