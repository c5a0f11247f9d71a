export { type Mix, setting } from './data.ts'
export { pieslicer } from './pieslicer.ts'
