export { pieslicer } from './pieslicer.ts'
