export { mdinference } from './mdinference.ts'
