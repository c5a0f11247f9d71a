export { type Transfer, transfer } from './transfer.ts'
