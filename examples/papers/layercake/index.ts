export { layercake } from './layercake.ts'
