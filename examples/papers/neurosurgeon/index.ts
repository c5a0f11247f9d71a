export { neurosurgeon } from './neurosurgeon.ts'
