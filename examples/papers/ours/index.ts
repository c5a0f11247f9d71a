export { ours } from './ours.ts'
