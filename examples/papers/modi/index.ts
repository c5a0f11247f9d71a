export { modi } from './modi.ts'
